"""`/callbacks/<vendor>/<path>`: what vendors say back; and `/tocsin.vcf`, the numbers that they call from."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from tocsin.apps.incidents import answers
from tocsin.apps.notify import actions as notify
from tocsin.domain.errors import Invalid
from tocsin.entrypoints.web.views import errors
from tocsin.lib.clock import now
from tocsin.lib.log import Logger
from tocsin.ports import registry
from tocsin.ports.callback import Answer, BadSignatureError, CallbackRequest, Heard, Reply

CONTACT = "Tocsin - answer this call"
_log = Logger(__name__)


# Exempt: the vendor's signature is the proof.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def hear(request: HttpRequest, vendor: str, path: str) -> HttpResponse:
    hook = registry.hooks.get(vendor)
    if hook is None:
        return _plain(f"Nobody here listens to “{vendor}”.", 404)
    asked = _read(request, path)
    try:
        said = [_take(vendor, heard) for heard in hook.hear(asked)]
    except BadSignatureError as error:
        _log.warning("a callback was refused", vendor=vendor, path=path[:80], why=str(error))
        return _plain(str(error), 403)
    except Invalid as error:
        return _plain(str(error), 400)
    return _response(hook.reply(asked, said))


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """A contact to keep: phones let calls of a favourite through do-not-disturb."""
    found = settings.TOCSIN.phones.numbers
    if not found:
        why = "Tocsin has no phone number here yet: an administrator sets one up with Twilio or Plivo."
        return errors.answer(request, 404, why)
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"FN:{CONTACT}",
        f"N:{CONTACT};;;;",
        "ORG:Tocsin",
        *(f"TEL;TYPE=WORK,VOICE:{number}" for number in found),
        f"URL:{settings.TOCSIN.public_url}",
        "NOTE:Calls when you are on call. Let it through do-not-disturb.",
        "END:VCARD",
        "",
    ]
    answer = HttpResponse("\r\n".join(lines), content_type="text/vcard; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="tocsin.vcf"'
    return answer


def _read(request: HttpRequest, path: str) -> CallbackRequest:
    body = request.body  # before the form, which leaves nothing of it where files could be
    return CallbackRequest(
        method=request.method or "",
        # What the vendor called: behind proxies, only the setting knows.
        url=f"{settings.TOCSIN.public_url.rstrip('/')}{request.get_full_path()}",
        path=path.strip("/"),
        headers={name.lower(): value for name, value in request.headers.items()},
        query=request.GET.dict(),
        form=tuple((name, value) for name, values in request.POST.lists() for value in values),
        body=body,
        now=now(),
    )


def _take(vendor: str, heard: Heard) -> str:
    if isinstance(heard, Answer):
        return answers.take(heard, now())
    notify.progress(vendor=vendor, progress=heard, now=now())
    return ""


def _response(reply: Reply) -> HttpResponse:
    response = HttpResponse(reply.body, status=reply.status, content_type=reply.content_type)
    response.headers["Cache-Control"] = "no-store"
    return response


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
