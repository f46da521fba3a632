"""The fault lab: broken networks in temporary namespaces, without root, to test every diagnosis on."""
