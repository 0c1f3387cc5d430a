"""The probe of Channels: each layer passes a message on."""
