"""Programs that we start and stop: a Kafka broker, what Java programs need, and the bundled model.

::

    broker              what people start: a local Apache Kafka; start, status, stop
    broker_setup        what it is started with: Java, its jars, its properties
    processes           started to stay, told apart, found by their port
    java                a Java virtual machine, and jars from Maven Central; also for jobs
    local_model         the bundled model from its users' side: its server is started, joined, held
    local_model_server  the process that serves it
"""
