"""The fault lab: broken networks in throw-away namespaces, without root, to prove every diagnosis on."""
