//! From requests to the domain: dispatcher, topics, coordinators, handlers.
