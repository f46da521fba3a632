"""What is known of ports and services: registered names, who speaks first, fingerprints, client policies."""
