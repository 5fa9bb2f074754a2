"""Gates the tool runtime of the AgentDojo benchmark: every tool call becomes an intent, only a redeemed token runs the tool.

`python -m intended_adapters.agentdojo` plays the benchmark's user tasks and its attacks without a model and prints a table; see
`docs/how-to/agentdojo.md`. The benchmark itself (`pip install 'intended[agentdojo]'`) is imported when a suite is loaded, not before.
"""

from __future__ import annotations

__all__: list[str] = []
