"""From any JSON to a Signal, by expressions that people write.

A *definition* says for each field of an event where it stands in what a tool sends. Its expressions are CEL
(https://cel.dev), which always ends; they come from people who may edit integrations, and what they look into
comes from outsiders, so both are bounded: how long an expression is and how deep its loops stand inside each
other (`expressions`), how much of a message they see (`seen`), and how long their answers are (`functions`,
`mapping`).

Three rules make definitions short. What is missing, null or empty is *absent*, never an error. A field may
have several expressions, of which the first that finds something counts. An error leaves out the one field it
is in, and stands on the alert; only without an action and a dedup key is there no event.
"""
