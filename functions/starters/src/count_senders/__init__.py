"""An asynchronous rule function: counts mail by the domain of its sender."""
