"""What hooks answer: opaque 64-bit values, built by constructors only.

Encoding: bits 0..7 hold the constructor's kind, the arguments follow at the stated positions.
The encoding 0 of `Place` means "no place"; every other answer type gives 0 a harmless meaning, so
that a hook that stopped in `fail()` is safe to obey once.
"""

from __future__ import annotations

from reclaim.abi.kinds import Answer, Constructor, Param
from reclaim.abi.limits import MAX_BATCH, MAX_NODES, MAX_PSI_WINDOW_US, MAX_TAKE

ANSWERS: dict[str, Answer] = {
    a.name: a
    for a in (
        Answer("Place", "A list and one of its ends."),
        Answer("Verdict", "What becomes of an isolated folio."),
        Answer("Target", "Where a folio is demoted to."),
        Answer("Promotion", "Whether a folio comes to a faster tier."),
        Answer("Isolation", "Whether a candidate is taken out of its list."),
        Answer("Batch", "What reclaim should do next on this lruvec."),
        Answer("Visit", "Whether the walk over memcgs stops at this one."),
        Answer("Rotation", "Where a memcg goes on the ring after a visit."),
        Answer("Aging", "Whether a lruvec has something old enough to go."),
        Answer("Trigger", "How much stall in which window a policy wants to hear of."),
    )
}

_TAKE = Param("nr", "u64", "Most pages to take.", min=1, max=MAX_TAKE)
_SCAN = Param(
    "scan",
    "u64",
    "Most pages to look at; 0 for as many as are taken.",
    min=0,
    max=MAX_BATCH,
    default=0,
    keyword=True,
)
_SAMPLE = Param("of", "u64", "Most pages to score.", min=1, max=MAX_TAKE, keyword=True)
_STALL = Param("us", "u64", "Least stall in the window, in microseconds.", min=1, max=MAX_PSI_WINDOW_US)
_WINDOW = Param(
    "window",
    "u64",
    "Length of the window in microseconds, at least as long as the stall.",
    min=1,
    max=MAX_PSI_WINDOW_US,
    keyword=True,
)
_PLACE = Param("place", "Place", "Where the folio goes.")

CONSTRUCTORS: tuple[Constructor, ...] = (
    Constructor("head", ("Place",), 1, "The young end of a list.", (), (), method_of="List"),
    Constructor("tail", ("Place",), 2, "The old end of a list.", (), (), method_of="List"),
    Constructor(
        "RETRY",
        ("Place",),
        3,
        "Try it once more after the batch; folio_putback only, once.",
        hooks=("folio_putback",),
    ),
    Constructor("ROTATE", ("Verdict",), 0, "Back to the head of the list that it came from."),
    Constructor("RECLAIM", ("Verdict",), 1, "Free it: unmap, write or swap as needed."),
    Constructor("RECLAIM_CLEAN", ("Verdict",), 2, "Free it if that needs no write, else keep it."),
    Constructor("move", ("Verdict", "Isolation"), 3, "Put it on another list or end.", (_PLACE,), (8,)),
    Constructor(
        "demote_to",
        ("Verdict", "Target"),
        4,
        "Move it to a node of a slower tier; where that cannot be, go on as after RECLAIM.",
        (Param("nid", "u64", "The node.", min=0, max=MAX_NODES - 1),),
        (8,),
    ),
    Constructor("NOWHERE", ("Target",), 0, "Not demoted: reclaim goes on with it here."),
    Constructor("STAY", ("Promotion",), 0, "It stays where it is."),
    Constructor("PROMOTE", ("Promotion",), 1, "Move it there, if the node is not nearly full."),
    Constructor("SKIP", ("Isolation", "Visit"), 0, "Leave it where it is and look at the next."),
    Constructor("TAKE", ("Isolation",), 1, "Isolate it for reclaim."),
    Constructor("STOP", ("Batch",), 0, "This lruvec is done for this pass."),
    Constructor(
        "batch",
        ("Batch",),
        1,
        "Reclaim from the tail of the list.",
        (_TAKE, _SCAN),
        (16, 32),
        method_of="List",
    ),
    Constructor(
        "deactivate",
        ("Batch", "Aging"),
        2,
        "Show folios from the tail to deactivate_folio.",
        (_TAKE,),
        (16,),
        method_of="List",
    ),
    Constructor(
        "lowest",
        ("Batch",),
        6,
        "Ask score_folio for folios from the tail of the list, reclaim those with the lowest scores, the older of "
        "equals first, and put the others to its head.",
        (_TAKE, _SAMPLE),
        (16, 32),
        method_of="List",
    ),
    Constructor("AGE", ("Batch",), 3, "Run the age hook, then ask again."),
    Constructor("QUIT", ("Batch", "Visit"), 4, "End the whole reclaim now."),
    Constructor("SCAN", ("Visit",), 1, "Make a pass over its lruvec."),
    Constructor("KEEP", ("Rotation",), 0, "It stays where it is."),
    Constructor("HEAD", ("Rotation",), 1, "To the head of its generation: next, please."),
    Constructor("TAIL", ("Rotation",), 2, "To the tail of its generation: later in this round."),
    Constructor("OLD", ("Rotation",), 3, "To the head of the oldest generation."),
    Constructor("YOUNG", ("Rotation",), 4, "To the tail of the next generation: not in this round."),
    Constructor("OLD_ENOUGH", ("Aging",), 0, "Something here is old enough."),
    Constructor("TOO_YOUNG", ("Aging",), 5, "Nothing here is; where all say so, a task is killed."),
    Constructor("NEVER", ("Trigger",), 0, "Nothing is watched, and nobody is asked again."),
    Constructor(
        "some_stall",
        ("Trigger",),
        1,
        "Ask again when some tasks of the memcg have stalled on memory for so long within a window.",
        (_STALL, _WINDOW),
        (8, 32),
    ),
    Constructor(
        "full_stall",
        ("Trigger",),
        2,
        "The same of the time in which all its running tasks stalled.",
        (_STALL, _WINDOW),
        (8, 32),
    ),
)
"""A method of List puts the list number into bits 8..15. A place inside a verdict keeps its own
encoding, shifted: bits 8..15 its kind, bits 16..23 its list."""
