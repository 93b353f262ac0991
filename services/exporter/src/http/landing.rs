//! The page at `/`.

/// Links to the other paths.
pub(super) fn page(topic: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Exporter</title></head>\n\
         <body><h1>Exporter {version}</h1>\n\
         <p>Serves the JSON metrics of the Kafka topic <code>{topic}</code>.</p>\n\
         <ul><li><a href=\"/metrics\">/metrics</a></li><li><a href=\"/ready\">/ready</a></li>\
         <li><a href=\"/health\">/health</a></li></ul></body></html>\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}
