"""What the benchmarks speak: everyday paragraphs of three sentences."""

from __future__ import annotations

PARAGRAPHS = (
    "The morning train was late again. Nobody on the platform seemed to mind. A dog slept beside the ticket machine.",
    "Please keep this ticket until the end of your journey. The doors close a minute before departure. Mind the gap.",
    "Rain is expected in the north this evening. Winds will be light from the west. Tomorrow stays dry and mild.",
    "Your order has left our warehouse. It should arrive on Thursday before noon. You can follow it online.",
    "She opened the old piano and played a single note. It rang through the empty house. Somewhere a window answered.",
    "Boil the water and add a little salt. Stir the pasta once or twice. Taste it after nine minutes.",
    "The meeting moved to the small room upstairs. Bring the drawings and both plans. Coffee will be there.",
    "Turn left after the bridge and follow the river. The road gets narrow behind the mill. You will see the lights.",
)
