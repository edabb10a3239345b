package namcds.hapi;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.jpa.api.dao.DaoRegistry;
import ca.uhn.fhir.rest.api.server.cdshooks.CdsServiceRequestJson;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import ca.uhn.hapi.fhir.cdshooks.api.CdsService;
import ca.uhn.hapi.fhir.cdshooks.api.CdsServiceFeedback;
import ca.uhn.hapi.fhir.cdshooks.api.CdsServicePrefetch;
import ca.uhn.hapi.fhir.cdshooks.api.ICdsHooksDaoAuthorizationSvc;
import ca.uhn.hapi.fhir.cdshooks.api.ICdsServiceRegistry;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceFeedbackJson;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceIndicatorEnum;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceResponseCardJson;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceResponseCardSourceJson;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceResponseJson;
import ca.uhn.hapi.fhir.cdshooks.config.CdsHooksConfig;
import ca.uhn.hapi.fhir.cdshooks.controller.CdsHooksController;
import ca.uhn.hapi.fhir.cdshooks.svc.CdsHooksContextBooter;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.Observation;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageConverter;
import org.springframework.http.converter.json.MappingJackson2HttpMessageConverter;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.support.AnnotationConfigWebApplicationContext;
import org.springframework.web.servlet.DispatcherServlet;
import org.springframework.web.servlet.config.annotation.EnableWebMvc;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/** HAPI's own CDS Hooks module with one patient-view service, on http://127.0.0.1:PORT/cds-services. */
public final class CdsHooksServer {

    public static void main(String[] args) throws Exception {
        AnnotationConfigWebApplicationContext ctx = new AnnotationConfigWebApplicationContext();
        ctx.register(Config.class);
        Loopback.serve(Integer.parseInt(args[0]), "/*", new DispatcherServlet(ctx));
    }

    /** The service: one card from the newest CK result among the prefetched observations. */
    public static final class CkService {

        private static final BigDecimal UPPER_NORMAL = BigDecimal.valueOf(200);

        @CdsService(
                value = "ck-patient-view",
                hook = "patient-view",
                title = "CK check",
                description = "Classifies the newest creatine kinase result",
                // Prefetch that the request lacks is read from its fhirServer.
                allowAutoFhirClientPrefetch = true,
                prefetch = {
                    @CdsServicePrefetch(value = "patient", query = "Patient/{{context.patientId}}"),
                    @CdsServicePrefetch(
                            value = "ck",
                            query = "Observation?patient={{context.patientId}}"
                                    + "&code=http://loinc.org|2157-6&_sort=-date&_count=1")
                })
        public CdsServiceResponseJson check(CdsServiceRequestJson request) {
            Observation newest = null;
            if (request.getPrefetch("ck") instanceof Bundle bundle) {
                for (Bundle.BundleEntryComponent e : bundle.getEntry()) {
                    if (e.getResource() instanceof Observation o
                            && o.hasValueQuantity()
                            && o.hasEffectiveDateTimeType()
                            && (newest == null
                                    || o.getEffectiveDateTimeType().after(newest.getEffectiveDateTimeType()))) {
                        newest = o;
                    }
                }
            }
            CdsServiceResponseCardJson card = new CdsServiceResponseCardJson();
            if (newest == null) {
                card.setSummary("No CK result on file").setIndicator(CdsServiceIndicatorEnum.INFO);
            } else {
                BigDecimal v = newest.getValueQuantity().getValue();
                boolean severe = v.compareTo(UPPER_NORMAL.multiply(BigDecimal.TEN)) > 0;
                boolean raised = v.compareTo(UPPER_NORMAL) > 0;
                card.setSummary("CK " + v.toPlainString() + " U/L"
                                + (severe ? ", over 10 times the upper limit" : raised ? ", raised" : ", normal"))
                        .setIndicator(
                                severe
                                        ? CdsServiceIndicatorEnum.CRITICAL
                                        : raised ? CdsServiceIndicatorEnum.WARNING : CdsServiceIndicatorEnum.INFO)
                        .setDetail("Result of " + newest.getEffectiveDateTimeType().getValueAsString());
            }
            card.setSource(new CdsServiceResponseCardSourceJson().setLabel("HAPI CDS Hooks"));
            CdsServiceResponseJson response = new CdsServiceResponseJson();
            response.addCard(card);
            return response;
        }

        @CdsServiceFeedback("ck-patient-view")
        public CdsServiceFeedbackJson feedback(CdsServiceFeedbackJson feedback) {
            return feedback;
        }
    }

    @Configuration
    static class Services {
        @Bean(name = "cdsServices")
        List<Object> cdsServices() {
            return List.of(new CkService());
        }
    }

    @Configuration
    @EnableWebMvc
    @Import(CdsHooksConfig.class)
    static class Config {

        @Bean
        FhirContext fhirContext() {
            return FhirContext.forR4Cached();
        }

        @Bean
        DaoRegistry daoRegistry(FhirContext fhir) {
            return new DaoRegistry(fhir);
        }

        @Bean
        ICdsHooksDaoAuthorizationSvc authorization() {
            return resource -> {};
        }

        @Bean
        CdsHooksContextBooter booter() {
            CdsHooksContextBooter booter = new CdsHooksContextBooter();
            booter.setDefinitionsClass(Services.class);
            booter.start();
            return booter;
        }

        @Bean
        CdsHooksController controller(ICdsServiceRegistry registry) {
            return new CdsHooksController(registry);
        }

        @Bean
        WebMvcConfigurer json(
                @Qualifier(CdsHooksConfig.CDS_HOOKS_OBJECT_MAPPER_FACTORY) ObjectMapper mapper) {
            return new WebMvcConfigurer() {
                @Override
                public void configureMessageConverters(List<HttpMessageConverter<?>> converters) {
                    converters.add(new MappingJackson2HttpMessageConverter(mapper));
                }
            };
        }

        @Bean
        Errors errors() {
            return new Errors();
        }
    }

    /** The module leaves the mapping of its exceptions to a status to whoever hosts it. */
    @RestControllerAdvice
    static class Errors {
        @ExceptionHandler
        ResponseEntity<Map<String, String>> onFhirError(BaseServerResponseException e) {
            return ResponseEntity.status(e.getStatusCode()).body(Map.of("error", e.getMessage()));
        }
    }
}
