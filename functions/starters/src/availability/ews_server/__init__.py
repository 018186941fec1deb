"""A custom availability provider that asks an EWS server, such as Exchange, with a service account."""
