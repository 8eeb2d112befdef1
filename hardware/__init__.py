"""What is bolted to the turnstile: ports, their real adapters, and a simulated one for each."""
