"""Knowledge of ports and services: registered names, who sends first, fingerprints, connection policies of clients."""
