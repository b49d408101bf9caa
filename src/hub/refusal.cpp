// X-Error-Code first, the status after it.
#include "hub/refusal.h"

#include "base/printable.h"
#include "hub/retry.h"

namespace imagent {
namespace {

[[noreturn]] void refuse_gated(const HubSettings& settings, const RepositoryId& repository) {
  const std::string page = settings.endpoint + "/" + repository.name;
  if (settings.token.empty())
    fail(ErrorKind::gated, repository.name, " is gated: accept its terms at ", page, " and set HF_TOKEN to a token of that account");
  fail(ErrorKind::gated, repository.name, " is gated, and the account of the token in use has no access: accept its terms at ", page);
}

[[noreturn]] void refuse_repository(const HubSettings& settings, const RepositoryId& repository) {
  const char* hint = settings.token.empty() ? " (a private one needs HF_TOKEN)" : ", or the token in use may not see it";
  fail(ErrorKind::model, "there is no repository ", repository.name, " at ", settings.endpoint, hint);
}

void refuse_by_code(const HttpReply& reply, const HubSettings& settings, const RepositoryId& repository) {
  const std::string code = reply.header("x-error-code");
  if (code == "GatedRepo") refuse_gated(settings, repository);
  if (code == "RepoNotFound") refuse_repository(settings, repository);
  if (code == "RevisionNotFound") fail(ErrorKind::model, repository.name, " has no revision \"", repository.revision, "\"");
  if (code == "EntryNotFound") throw EntryNotFound(ErrorKind::model, str(repository.name, " has no file \"", repository.file, "\" at revision ", repository.revision));
}

[[noreturn]] void refuse_busy(const HttpReply& reply, const HubSettings& settings) {
  const std::optional<double> wait = asked_wait(reply);
  const std::string when = wait ? str("in ", static_cast<long long>(*wait < 1e9 ? *wait : 1e9), " s") : std::string("later");
  const char* hint = settings.token.empty() ? "; with HF_TOKEN set the limit is higher" : "";
  fail(ErrorKind::hub, settings.endpoint, " asks for fewer requests (429): try again ", when, hint);
}

}  // namespace

void refuse(const HttpReply& reply, const HubSettings& settings, const RepositoryId& repository) {
  if (!reply.failure.empty() || reply.status == 0) fail(ErrorKind::hub, "the exchange with ", settings.endpoint, " about ", repository.name, " failed: ", printable(reply.failure));
  refuse_by_code(reply, settings, repository);
  const std::string message = printable(reply.header("x-error-message"));
  if (message == "Access to this resource is disabled.") fail(ErrorKind::hub, settings.endpoint, " has disabled the access to ", repository.name);
  if (reply.status == 401 && (message.find("Invalid credentials in Authorization header") != message.npos))
    fail(ErrorKind::gated, settings.endpoint, " does not accept the token in use: renew it (HF_TOKEN or the token file)");
  if (reply.status == 401 || reply.status == 404) refuse_repository(settings, repository);
  if (reply.status == 403) fail(ErrorKind::gated, "not authorised to read ", repository.name, message.empty() ? "" : ": ", message);
  if (reply.status == 429) refuse_busy(reply, settings);
  fail(ErrorKind::hub, settings.endpoint, " answers ", reply.status, " for ", repository.name, message.empty() ? "" : ": ", message);
}

}  // namespace imagent
