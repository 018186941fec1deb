"""The WorkMail API as botocore's model states it: generated shapes, their validation, and the modelled errors."""
