// Messages as JSON.
#include "server/messages.h"

#include <chrono>
#include <random>

#include "base/error.h"

namespace imagent::server {

NLOHMANN_JSON_SERIALIZE_ENUM(JobState, {{JobState::queued, "queued"},
                                        {JobState::running, "running"},
                                        {JobState::completed, "completed"},
                                        {JobState::failed, "failed"},
                                        {JobState::cancelled, "cancelled"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Order, {{Order::none, "none"}, {Order::skip, "skip"}, {Order::interrupt, "interrupt"}, {Order::cancel, "cancel"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Job, id, client, dialect, priority, fields, inputs, batches, format, quality, metadata)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Claim, job, token, attempt)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Heartbeat, job, token)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Cancel, job, order)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(JobEvent, id, job, type, data)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(Picture, id, job, number, file, format, width, height, seed, created, favourite, prompt, negative,
                                                model, parameters)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(JobResult, job, token, state, error_kind, error, pictures, timings, used)

static std::string text_of(const nlohmann::json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

std::string to_text(const Job& job) { return text_of(job); }
std::string to_text(const Claim& claim) { return text_of(claim); }
std::string to_text(const Heartbeat& heartbeat) { return text_of(heartbeat); }
std::string to_text(const Cancel& cancel) { return text_of(cancel); }
std::string to_text(const JobEvent& event) { return text_of(event); }
std::string to_text(const JobResult& result) { return text_of(result); }

template <class Message>
Message from_text(const std::string& text) {
  try {
    return nlohmann::json::parse(text).get<Message>();
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::internal, "a message of the queue is damaged: ", error.what());
  }
}
template Job from_text<Job>(const std::string&);
template Claim from_text<Claim>(const std::string&);
template Heartbeat from_text<Heartbeat>(const std::string&);
template Cancel from_text<Cancel>(const std::string&);
template JobEvent from_text<JobEvent>(const std::string&);
template JobResult from_text<JobResult>(const std::string&);

const char* name_of(JobState state) {
  switch (state) {
    case JobState::queued: return "queued";
    case JobState::running: return "running";
    case JobState::completed: return "completed";
    case JobState::failed: return "failed";
    case JobState::cancelled: break;
  }
  return "cancelled";
}

JobState job_state(const std::string& name) {
  for (const JobState state : {JobState::queued, JobState::running, JobState::completed, JobState::failed, JobState::cancelled})
    if (name == name_of(state)) return state;
  fail(ErrorKind::internal, "no state of a job is called '", name, "'");
}

std::string new_id() {
  std::random_device device;
  std::string id;
  for (int word = 0; word < 3; ++word)
    for (uint32_t bits = device(), digit = 0; digit < 8; ++digit, bits >>= 4) id += "0123456789abcdef"[bits & 15];
  return id;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

}  // namespace imagent::server
