{ workspace }: workspace.package { directory = "services/exporter"; }
