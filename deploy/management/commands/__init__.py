"""The commands of the container's project."""
