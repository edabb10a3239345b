package namcds.hapi;

import jakarta.servlet.Servlet;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** Serves one servlet from an embedded Tomcat that listens on 127.0.0.1 only. */
final class Loopback {

    private Loopback() {}

    /**
     * Prints "UP port=N" once requests are answered, and ends when standard input does,
     * so that the server cannot outlive the process that started it.
     */
    static void serve(int port, String path, Servlet servlet) throws Exception {
        File base = Files.createTempDirectory("nam-cds-hapi").toFile();
        Connector http = new Connector("HTTP/1.1");
        http.setPort(port);
        http.setProperty("address", "127.0.0.1");
        http.setProperty("maxThreads", "32");
        http.setProperty("maxKeepAliveRequests", "-1");
        // Tomcat by itself only logs a port that is taken, and goes on.
        http.setThrowOnFailure(true);
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(base.getPath());
        tomcat.getService().addConnector(http);
        Context app = tomcat.addContext("", base.getPath());
        Tomcat.addServlet(app, "hapi", servlet).setLoadOnStartup(1);
        app.addServletMappingDecoded(path, "hapi");
        tomcat.start();
        System.out.println("UP port=" + http.getLocalPort());
        Thread parent = new Thread(Loopback::exitWithParent, "parent-watch");
        parent.setDaemon(true);
        parent.start();
        tomcat.getServer().await();
    }

    private static void exitWithParent() {
        try {
            while (System.in.read() >= 0) {}
        } catch (IOException e) {
            // A pipe that breaks says the same as one that ends.
        }
        System.exit(0);
    }
}
