"""The FHIR API through the product's own web server, with its token, its allowance and its audit events.

`$everything` of 10,000 resources against a bare COPY of the same lines and against decoding and encoding them; pages
of a search in one patient among few and among many stored resources; reads by id against a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from django.db import connection

from apps.fhir import codec
from apps.fhir.search.conditions import Asking
from apps.fhir.search.request import Search, read_search
from apps.records.models import ReferenceIndex, StoredResource
from apps.records.searching import find_lines, find_page
from apps.records.selectors import View
from apps.records.services.staging import without_cycle_collection

from . import world
from .charts import Chart, add_copies, large_chart, synced_chart
from .timing import Figure, medians_of, taken_in_turn
from .wire import Web, web_server

SIZE = 10_000  # resources of a patient
COPIES = 99  # of that many each, beside the one that is searched
LARGE = 10  # times as many in the patient whose $everything must not fill the memory
RUNS, PAGES, READS = 9, 60, 400
EVERYTHING = "/fhir/Patient/$PATIENT_ID/$everything"
CONSTANT = "/healthz"
COPY = f"""
COPY (SELECT line FROM {StoredResource._meta.db_table} WHERE partition_id = {{}} ORDER BY type, fhir_id)
TO STDOUT (FORMAT BINARY)
"""


def measure() -> Iterator[Figure]:
    """Yield the figures; the million comes last, so that all else is measured in a small database."""
    chart = synced_chart(world.make_application("fhir"))
    with web_server(chart.token) as web:
        yield from everything(web, chart)
        yield from reads(web, chart)
        few = pages(web, chart)
        add_copies(chart, COPIES)
        many = pages(web, chart)
    for name, (searched, answered) in many.items():
        before, through = few[name]
        yield Figure(
            f"page of 20 by {name}: search at {(COPIES + 1) * SIZE:,} / at {SIZE:,}",
            f"{searched / before:.2f} ({before * 1e3:.2f} -> {searched * 1e3:.2f} ms), through the web"
            f" {answered / through:.2f} ({through * 1e3:.1f} -> {answered * 1e3:.1f} ms)",
            "1.5 at most",
        )


def everything(web: Web, chart: Chart) -> Iterator[Figure]:
    """Yield time, first byte and memory of `$everything`."""
    web.stream(EVERYTHING)
    idle = web.growth(EVERYTHING)
    large = large_chart(chart, LARGE)
    here, web.token = web.token, large.token
    grown = web.growth(EVERYTHING)
    web.token = here
    firsts: list[float] = []

    def stream() -> None:
        found = web.stream(EVERYTHING)
        firsts.append(found.first)
        sizes.add(found.size)

    sizes: set[int] = set()
    lines = [line for _, _, line in View(chart.partition_id, 1).lines()]
    streamed, copied = medians_of(RUNS, (stream, lambda: copy(chart)))
    (parsed,) = medians_of(3, (lambda: parse(lines),))
    size = sum(map(len, lines)) / 1e6
    what = f"$everything of {len(lines):,} resources, {size:.1f} MB"
    yield Figure(f"{what} / COPY of the lines", f"{streamed / copied:.2f} ({streamed * 1e3:.0f} ms)", "2.5 at most")
    yield Figure(f"{what} / decode + encode", f"1/{parsed / streamed:.1f}", "1/8 at most")
    yield Figure(
        "its first byte / all of it", f"1/{streamed / median(firsts):.0f} ({median(firsts) * 1e3:.1f} ms)", "1/20"
    )
    yield Figure(
        f"server's memory above idle, {len(lines):,} / {LARGE * len(lines):,} resources",
        f"{idle:.1f} / {grown:.1f} MB",
        "32 MB at most",
    )


def copy(chart: Chart) -> None:
    """What no answer can be faster than: the server sends the lines, and they are thrown away."""
    connection.ensure_connection()
    with connection.connection.cursor() as cursor, cursor.copy(COPY.format(chart.partition_id)) as rows:
        for _ in rows:
            pass


def parse(lines: list[bytes]) -> None:
    """What an answer costs that is made of objects, without reading them from anywhere."""
    with without_cycle_collection():
        entries = [{"resource": codec.decode(line), "search": {"mode": "match"}} for line in lines]
        codec.encode({"resourceType": "Bundle", "type": "searchset", "entry": entries})


def reads(web: Web, chart: Chart) -> Iterator[Figure]:
    """Yield a read by id, whole and unchanged, against the constant."""
    found = StoredResource.objects.filter(partition=chart.partition_id, type="Observation").order_by("fhir_id")[100]
    path, over = f"/fhir/Observation/{found.fhir_id}", web.connect()
    etag = str(web.ask(over, path).headers["ETag"])
    works: list[Callable[[], object]] = [
        lambda: web.ask(over, CONSTANT),
        lambda: web.ask(over, path),
        lambda: web.ask(over, path, **{"If-None-Match": etag}),
    ]
    for work in works:
        work()
    constant, read, unchanged = medians_of(READS, works)
    for name, seconds in (("read by id", read), ("read by id, unchanged (304)", unchanged)):
        yield Figure(f"{name} / {CONSTANT}", f"{seconds / constant:.2f} ({seconds * 1e3:.2f} ms)", "3 at most")


def pages(web: Web, chart: Chart) -> dict[str, tuple[float, float]]:
    """Return the median seconds of each page: of the search alone, and of the whole request."""
    found: dict[str, tuple[float, float]] = {}
    over = web.connect()
    queries = queries_of(chart)
    works: list[Callable[[], object]] = []
    for query in queries.values():
        works += [_searching(chart, query), _asking(web, over, query)]
    for work in works:
        work()
    times = [median(each) for each in taken_in_turn(PAGES, works)]
    for name, searched, answered in zip(queries, times[::2], times[1::2], strict=True):
        found[name] = (searched, answered)
    return found


def queries_of(chart: Chart) -> dict[str, str]:
    """Return the queries by what they go by; each matches more than a page of observations."""
    performers = ReferenceIndex.objects.filter(partition=chart.partition_id, target_type="Practitioner")
    performer = performers.order_by("target").values_list("target", flat=True)[0]
    return {
        "token": "category=http://terminology.hl7.org/category|exam",
        "rare token": "code=http://loinc.org|123-1",
        "date": "date=ge2015-01-01&date=lt2016-01-01",
        "reference": f"performer=Practitioner/{performer}",
    }


def _searching(chart: Chart, query: str) -> Callable[[], object]:
    search = read(query)

    def work() -> None:
        page = find_page([chart.partition_id], search)
        find_lines([chart.partition_id], page.resource_ids)

    return work


def read(query: str) -> Search:
    parameters = [(name, value) for name, _, value in (each.partition("=") for each in query.split("&"))]
    asking = Asking(now=0, base_url="http://localhost/fhir")
    return read_search("Observation", parameters, asking=asking, patient_id="p", is_strict=True)


def _asking(web: Web, over: object, query: str) -> Callable[[], object]:
    return lambda: web.ask(over, f"/fhir/Observation?{query}")  # type: ignore[arg-type]
