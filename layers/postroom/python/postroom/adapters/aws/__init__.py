"""Ports on AWS. Only here is botocore caught, and only clients.py makes clients."""
