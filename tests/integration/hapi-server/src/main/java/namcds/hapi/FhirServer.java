package namcds.hapi;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.binary.api.IBinaryStorageSvc;
import ca.uhn.fhir.jpa.binstore.MemoryBinaryStorageSvcImpl;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.ValueSetOperationProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.searchparam.submit.config.SearchParamSubmitterConfig;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.subscription.match.config.SubscriptionProcessorConfig;
import ca.uhn.fhir.jpa.subscription.match.deliver.email.IEmailSender;
import ca.uhn.fhir.jpa.subscription.submit.config.SubscriptionSubmitterConfig;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.util.Properties;
import java.util.Set;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/** A HAPI FHIR R4 JPA server over in-memory H2, on http://127.0.0.1:PORT/fhir. */
public final class FhirServer {

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        AnnotationConfigApplicationContext ctx = new AnnotationConfigApplicationContext(Config.class);
        ctx.registerShutdownHook();
        Loopback.serve(port, "/fhir/*", ctx.getBean(RestfulServer.class));
    }

    @Configuration
    @Import({
        JpaR4Config.class, HapiJpaConfig.class, JpaBatch2Config.class, Batch2JobsConfig.class,
        SubscriptionSubmitterConfig.class, SubscriptionProcessorConfig.class, SubscriptionChannelConfig.class,
        SearchParamSubmitterConfig.class, ThreadPoolFactoryConfig.class
    })
    static class Config {

        @Bean
        JpaStorageSettings storageSettings() {
            JpaStorageSettings s = new JpaStorageSettings();
            s.setAllowExternalReferences(true);
            s.setAllowMultipleDelete(true);
            s.setAllowContainsSearches(true);
            // POST /fhir/$expunge with expungeEverything empties the server between tests.
            s.setExpungeEnabled(true);
            // No answer may come from the cache of an earlier, equal search.
            s.setReuseCachedSearchResultsForMillis(null);
            s.setResourceClientIdStrategy(JpaStorageSettings.ClientIdStrategyEnum.ALPHANUMERIC);
            s.setTreatReferencesAsLogical(Set.of("http://loinc.org/*", "http://snomed.info/*"));
            return s;
        }

        @Bean
        PartitionSettings partitionSettings() {
            return new PartitionSettings();
        }

        @Bean
        SubscriptionSettings subscriptionSettings() {
            return new SubscriptionSettings();
        }

        @Bean
        IEmailSender emailSender() {
            return details -> {};
        }

        @Bean
        IBinaryStorageSvc binaryStorage() {
            return new MemoryBinaryStorageSvcImpl();
        }

        @Bean(destroyMethod = "close")
        DataSource dataSource() {
            BasicDataSource ds = new BasicDataSource();
            ds.setDriver(new org.h2.Driver());
            ds.setUrl("jdbc:h2:mem:fhir;DB_CLOSE_DELAY=-1");
            ds.setUsername("sa");
            ds.setPassword("");
            ds.setMaxTotal(64);
            return ds;
        }

        @Primary
        @Bean
        LocalContainerEntityManagerFactoryBean entityManagerFactory(
                ConfigurableListableBeanFactory beans, FhirContext fhir, JpaStorageSettings settings, DataSource ds) {
            LocalContainerEntityManagerFactoryBean f =
                    HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
            Properties p = new Properties();
            p.put("hibernate.dialect", HapiFhirH2Dialect.class.getName());
            p.put("hibernate.hbm2ddl.auto", "update");
            p.put("hibernate.jdbc.batch_size", "20");
            // No full-text index: Lucene would not give $lastn, which asks for Elasticsearch (HAPI-2070).
            p.put("hibernate.search.enabled", "false");
            f.setPersistenceUnitName("fhir");
            f.setDataSource(ds);
            f.setJpaProperties(p);
            return f;
        }

        @Primary
        @Bean
        JpaTransactionManager transactionManager(EntityManagerFactory emf) {
            return new JpaTransactionManager(emf);
        }

        @Bean
        RestfulServer restfulServer(
                FhirContext fhir, IFhirSystemDao<?, ?> systemDao, JpaStorageSettings settings,
                ResourceProviderFactory resources, IJpaSystemProvider system, ValueSetOperationProvider valueSets,
                ISearchParamRegistry params, IValidationSupport validation, DatabaseBackedPagingProvider paging) {
            RestfulServer server = new RestfulServer(fhir);
            server.registerProviders(resources.createProviders());
            server.registerProviders(system, valueSets);
            server.setServerConformanceProvider(
                    new JpaCapabilityStatementProvider(server, systemDao, settings, params, validation));
            paging.setDefaultPageSize(20);
            paging.setMaximumPageSize(1000);
            server.setPagingProvider(paging);
            server.setDefaultResponseEncoding(EncodingEnum.JSON);
            return server;
        }
    }
}
