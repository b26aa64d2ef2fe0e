//! Sinch's WhatsApp API of 2020, as far as webhooks go: callbacks with `group_event` notifications.

pub mod webhook;
