// What queue, workers and watchers say to each other: plain values that can cross a wire as JSON.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace imagent::server {

// What somebody asked for.
struct Job {
  std::string id{};
  std::string client{};                            // who asked: jobs of different clients take turns
  std::string dialect{};                           // which API took it: "own", "a1111", "openai", "sdcpp"
  int priority = 0;                              // higher first, -100..100
  std::map<std::string, std::string> fields{};     // fields of the Request by name, as text (pipeline/request_fields.h)
  std::map<std::string, std::string> inputs{};     // pictures to start from by field name: encoded files in Base64
  int batches = 1;                               // runs of the request, one after another, seeds counting on
  std::string format = "png";                    // of the finished pictures: png, jpeg, webp
  int quality = 95;                              // jpeg and lossy webp
  bool metadata = true;                          // the parameters in the picture file
};

// A job handed to a worker. The token proves the claim: whoever lost his claim cannot finish the job.
struct Claim {
  Job job{};
  std::string token{};
  int attempt = 1;
};

// "I am still at it." The answer tells the worker what was asked of the job meanwhile.
struct Heartbeat {
  std::string job{}, token{};
};
// Each includes those before it: skip ends the running batch with what it has, interrupt also drops the batches behind it,
// cancel drops everything.
enum class Order { none, skip, interrupt, cancel };

// Somebody wants a job to end.
struct Cancel {
  std::string job{};
  Order order = Order::cancel;
};

// Something happened. Types: queued, started, phase, progress, preview, warning, completed, failed, cancelled.
struct JobEvent {
  int64_t id = 0;                                // counts up within a job from 1; given by the queue
  std::string job{}, type{};
  nlohmann::json data = nlohmann::json::object();
};

// A finished picture: its file is on disk before anybody hears of it.
struct Picture {
  std::string id{}, job{};
  int number = 0;                                // within the job
  std::string file{};                              // below the data folder's pictures/
  std::string format{};
  int width = 0, height = 0;
  int64_t seed = 0;
  double created = 0;                            // seconds since 1970
  bool favourite = false;
  std::string prompt{}, negative{}, model{};
  std::string parameters{};                        // the web UI's infotext
};

enum class JobState { queued, running, completed, failed, cancelled };

// How a job ended.
struct JobResult {
  std::string job{}, token{};
  JobState state = JobState::completed;
  std::string error_kind{}, error{};                 // of a failed job
  std::vector<Picture> pictures{};
  std::map<std::string, double> timings{};         // seconds: load_s, text_s, denoise_s, decode_s, total_s
  std::map<std::string, std::string> used{};       // the fields with all defaults filled in
};

// What is known about a job.
struct JobStatus {
  Job job{};
  JobState state = JobState::queued;
  int position = 0;                              // in the queue: 1 is next; 0 when it does not wait
  int attempts = 0;
  double created = 0, started = 0, finished = 0; // seconds since 1970, 0: not yet
  nlohmann::json progress = nlohmann::json::object();  // of the last progress event
  JobResult result;                              // once it has ended
};

const char* name_of(JobState state);
JobState job_state(const std::string& name);     // Errors: internal

// As JSON. Reading ignores unknown members, and takes the default of those that are absent. Errors: internal, for a wrong type.
std::string to_text(const Job& job);
std::string to_text(const Claim& claim);
std::string to_text(const Heartbeat& heartbeat);
std::string to_text(const Cancel& cancel);
std::string to_text(const JobEvent& event);
std::string to_text(const JobResult& result);
template <class Message>
Message from_text(const std::string& text);

std::string new_id();                            // 24 random hexadecimal digits
double now();                                    // seconds since 1970

}  // namespace imagent::server
