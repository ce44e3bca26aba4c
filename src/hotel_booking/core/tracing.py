"""Traces by OpenTelemetry, sent by OTLP over HTTP where HOTEL_TRACES_URL says. Elsewhere nothing of it is
even loaded, and each place that could make a span asks one variable.

A span says which route, job or statement it was and how it ended, never what a guest typed: no address, no
parameter, no error's text. What leads to something later hands its `traceparent` on (W3C Trace Context):
requests to jobs (by a row beside the job), whoever calls us and whom we call by the header of that name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from hotel_booking.core.config import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_SENT_WITHIN = 5.0  # seconds that a collector may take; what it does not take is lost, and nobody waits

_provider: TracerProvider | None = None
_tracer: Tracer | None = None

Fact = str | int | float | bool


def configure(settings: Settings, process: Literal["web", "worker"]) -> None:
    """Send this process's traces from now on, where the settings name a collector."""
    global _provider, _tracer  # one for the process, as the library has it
    if settings.traces_url is None or _provider is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

    from hotel_booking import __version__

    about = {
        "service.name": f"hotel-booking-{process}",
        "service.version": __version__,
        "deployment.environment.name": settings.environment,
    }
    # By the trace's id: so all processes choose the same ones, whoever began them.
    _provider = TracerProvider(
        sampler=TraceIdRatioBased(settings.traces_percent / 100), resource=Resource.create(about)
    )
    exporter = OTLPSpanExporter(endpoint=settings.traces_url, timeout=_SENT_WITHIN)
    _provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=_SENT_WITHIN * 1000))
    _tracer = _provider.get_tracer("hotel_booking", __version__)


def end() -> None:
    """Send what is left, and no more. Waits for the collector, as long as it may take."""
    global _provider, _tracer  # as above
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        provider.shutdown()


def enabled() -> bool:
    """Whether spans are made."""
    return _tracer is not None


@contextmanager
def spanned(
    name: str,
    kind: Literal["internal", "server", "client", "consumer"] = "internal",
    *,
    traceparent: str = "",
    facts: Mapping[str, Fact | None] | None = None,
) -> Iterator[Span | None]:
    """A span for what happens inside, below the running one or below what `traceparent` names; None where no
    spans are made. An error passes through, and the span says of which type it is."""
    if _tracer is None:
        yield None
        return
    from opentelemetry import context, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    above = None
    if traceparent:
        above = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    span = _tracer.start_span(name, above, trace.SpanKind[kind.upper()])
    tell(span, facts or {})
    token = context.attach(trace.set_span_in_context(span, above))
    try:
        yield span
    except BaseException as error:
        failed(span, type(error).__qualname__)
        raise
    finally:
        context.detach(token)
        span.end()


def tell(span: Span, facts: Mapping[str, Fact | None]) -> None:
    """Add those facts that there are."""
    for key, value in facts.items():
        if value is not None:
            span.set_attribute(key, value)


def failed(span: Span, kind: str) -> None:
    """Mark it as failed, by a mistake of this kind."""
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", kind)


def traceparent() -> str:
    """The running span as the next one's parent, for who does something later; "" where none is kept."""
    return headers().get("traceparent", "") if _tracer is not None else ""


def headers() -> dict[str, str]:
    """The headers of a request that we send, so that its receiver can go on with the trace; none where there
    is none."""
    if _tracer is None:
        return {}
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carried: dict[str, str] = {}
    if trace.get_current_span().is_recording():
        TraceContextTextMapPropagator().inject(carried)
    return {"traceparent": carried["traceparent"]} if carried else {}
