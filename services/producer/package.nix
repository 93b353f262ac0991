{ workspace }: workspace.package { directory = "services/producer"; }
