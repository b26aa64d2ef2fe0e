//! The Sinch API as its callers see it: whole answers, and what becomes of bad requests.
