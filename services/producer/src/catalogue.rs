//! The metrics that real hosts have.

/// One kind of metric that hosts have.
pub(crate) struct Template {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) movement: Movement,
}

pub(crate) enum Movement {
    /// A random walk that stays between two bounds.
    Walk { low: f64, high: f64 },
    /// A counter that grows by up to this much in each message.
    Climb { at_most: u32 },
}

pub(crate) const CATALOGUE: &[Template] = &[
    walk("cpu_usage_percent", "CPU in use", 0.0, 100.0),
    climb("http_requests_total", "HTTP requests answered", 50),
    walk("memory_used_bytes", "Memory in use", 1e8, 8e9),
    climb(
        "network_received_bytes_total",
        "Bytes received from the network",
        1_500_000,
    ),
    walk(
        "disk_free_bytes",
        "Space left on the data volume",
        1e9,
        5e11,
    ),
    climb("errors_total", "Requests that ended in an error", 2),
    walk(
        "temperature_celsius",
        "Temperature of the processor",
        20.0,
        95.0,
    ),
    climb(
        "jobs_processed_total",
        "Jobs taken from the queue and finished",
        20,
    ),
    walk("queue_length", "Jobs that wait", 0.0, 500.0),
    climb(
        "disk_written_bytes_total",
        "Bytes written to the data volume",
        4_000_000,
    ),
];

const fn walk(name: &'static str, description: &'static str, low: f64, high: f64) -> Template {
    Template {
        name,
        description,
        movement: Movement::Walk { low, high },
    }
}

const fn climb(name: &'static str, description: &'static str, at_most: u32) -> Template {
    Template {
        name,
        description,
        movement: Movement::Climb { at_most },
    }
}
