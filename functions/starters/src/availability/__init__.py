"""What custom availability providers have in common: the question, the answer, the secret, and HTTPS to other hosts."""
