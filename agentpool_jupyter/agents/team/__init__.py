"""What a team is: its task, its agents and their limits, as data and as the text of a cell.

In reading order::

    spec       TeamSpec, AgentSpec, Budget, Price, RecallSpec: a team as data, as the pool stores it
    parse      from a cell's text to a TeamSpec, or to an error that names the line and the fix
    keys       what single keys say, each read from its node
    checks     whether a team that reads well makes sense
    fields     YAML's nodes as values; what is wrong with one is said with its line
    filling    ``{{name}}`` in a text, filled from the notebook's variables
    schema     what the parser reads, as a JSON schema for editors
    about      a sentence on each key
    reference  the page for people that is written from the schema
"""
