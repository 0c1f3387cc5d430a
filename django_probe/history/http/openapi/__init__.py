"""The OpenAPI description of what is under `/probe/`, for machines."""
