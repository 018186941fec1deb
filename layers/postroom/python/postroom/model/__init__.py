"""Values that all stations share: frozen and pure, independent of wire formats and services.

``addresses``: mail addresses; ``verdicts``: SES's results; ``facts``: entries of the ledger; ``mailbox``: a mailbox and
its items; ``directory``, ``records``: organizations, domains and entities; ``rules``, ``rule_index``,
``rule_explanation``: mail-flow rules; ``bounces``: refusals; ``limits``: limits with their unit and source.
"""
