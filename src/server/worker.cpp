// The loop between queue and engine.
#include "server/worker.h"

#include <chrono>
#include <new>

#include "base/error.h"
#include "image/resize.h"
#include "server/base64.h"
#include "server/http_error.h"
#include "server/job_request.h"

namespace imagent::server {

constexpr auto beat = std::chrono::milliseconds(25);      // how soon an order reaches the engine
constexpr auto patience = std::chrono::milliseconds(500);

Worker::Worker(Queue& queue, Engine& engine, Store& store, const Catalog& catalog, int jobs_at_once) : queue_(queue), engine_(engine), store_(store), catalog_(catalog) {
  threads_.emplace_back([this] { keep_alive(); });
  for (int i = 0; i < jobs_at_once; ++i) threads_.emplace_back([this] { work(); });
}

Worker::~Worker() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
}

void Worker::keep_alive() {
  while (!stopping_) {
    std::this_thread::sleep_for(beat);
    const std::lock_guard lock(mutex_);
    for (Running* running : running_) {
      const Order order = stopping_ ? Order::cancel : queue_.heartbeat({running->claim.job.id, running->claim.token});
      if (order == Order::cancel) running->cancel = true;
      if (order == Order::interrupt) running->last_batch = true;
      if (order == Order::interrupt || order == Order::skip) running->stop = true;
    }
  }
  const std::lock_guard lock(mutex_);
  for (Running* running : running_) running->cancel = true;
}

void Worker::work() {
  ready_ = true;
  while (!stopping_) {
    try {
      if (std::optional<Claim> claim = queue_.claim(patience)) work_on(std::move(*claim));
    } catch (const Error&) {  // the database: nothing can be told to anybody; perhaps it works again in a moment
      std::this_thread::sleep_for(patience);
    }
  }
}

void Worker::work_on(Claim claim) {
  struct InHand {
    Worker& worker;
    Running running;
    InHand(Worker& worker, Claim claim) : worker(worker), running{std::move(claim)} {
      const std::lock_guard lock(worker.mutex_);
      worker.running_.insert(&running);
      running.cancel = worker.stopping_.load();
    }
    ~InHand() {
      const std::lock_guard lock(worker.mutex_);
      worker.running_.erase(&running);
    }
  };
  InHand in_hand(*this, std::move(claim));
  draw(in_hand.running);
}

void Worker::draw(Running& running) {
  JobResult result;
  const auto failed = [&](const std::string& kind, const std::string& text) {
    result.state = JobState::failed;
    result.error_kind = kind;
    result.error = text;
  };
  try {
    result = draw_batches(running);
  } catch (const Error& error) {
    if (stopping_ && error.kind == ErrorKind::cancelled) {
      queue_.release({running.claim.job.id, running.claim.token});
      return;
    }
    failed(name_of(error.kind), error.text);
    if (error.kind == ErrorKind::cancelled) result.state = JobState::cancelled;
  } catch (const std::bad_alloc&) {
    failed("memory", "not enough memory: a smaller size, batch or model needs less");
  } catch (const std::exception& error) {
    failed("internal", error.what());
  }
  result.job = running.claim.job.id;
  result.token = running.claim.token;
  if (!finish(result))
    for (const Picture& picture : result.pictures) store_.discard_file(picture);
}

// Until the queue takes it: a job in hand would never end if its result were lost because the disk was full for a moment.
bool Worker::finish(const JobResult& result) {
  while (true) {
    try {
      return queue_.finish(result);
    } catch (const Error&) {
      if (stopping_) throw;
    }
    std::this_thread::sleep_for(patience);
  }
}

Events Worker::events_of(Running& running, int batch, int batches) {
  const std::string& id = running.claim.job.id;
  Events events;
  events.cancel = &running.cancel;
  events.stop = &running.stop;
  events.phase = [this, id](const std::string& phase) { queue_.publish({.job = id, .type = "phase", .data = {{"phase", phase}}}); };
  events.progress = [this, id, batch, batches](const Progress& p) {
    const double done = (batch + (p.pass + static_cast<double>(p.step) / std::max(p.steps, 1)) / p.passes) / batches;
    const int left = p.steps - p.step + (p.passes - p.pass - 1 + (batches - batch - 1) * p.passes) * p.steps;
    nlohmann::json data = {{"type", "progress"}, {"step", p.step}, {"total", p.steps}, {"percent", 100 * done}, {"eta", left * p.seconds_per_step},
                           {"batch", batch}, {"batches", batches}, {"pass", p.pass}, {"passes", p.passes}};
    queue_.publish({.job = id, .type = "progress", .data = data});
    if (!p.preview) return;
    data.update({{"type", "preview"}, {"image", base64_encode(encode_image(*p.preview))}, {"format", "png"}});
    queue_.publish({.job = id, .type = "preview", .data = std::move(data)});
  };
  return events;
}

static ImageFormat format_of(const std::string& name) { return name == "jpeg" ? ImageFormat::jpeg : name == "webp" ? ImageFormat::webp : ImageFormat::png; }

void Worker::add_pictures(const Job& job, const Run& run, JobResult& result) {
  for (const Result& drawn : run.results) {
    Picture picture;
    picture.job = job.id;
    picture.number = static_cast<int>(result.pictures.size());
    picture.format = job.format;
    picture.width = drawn.image.width;
    picture.height = drawn.image.height;
    picture.seed = drawn.seed;
    picture.created = now();
    picture.prompt = run.request.prompt;
    picture.negative = run.request.negative.value_or("");
    picture.model = run.model_name;
    picture.parameters = drawn.infotext;
    store_.write_file(picture, encode_image(drawn.image, {.format = format_of(job.format), .quality = job.quality, .lossless = job.quality >= 100,
                                                          .parameters = job.metadata ? drawn.infotext : ""}));
    result.pictures.push_back(std::move(picture));
  }
  result.timings["load_s"] += run.timings.load_s;
  result.timings["text_s"] += run.timings.text_s;
  result.timings["denoise_s"] += run.timings.denoise_s;
  result.timings["decode_s"] += run.timings.decode_s;
  result.timings["total_s"] += run.timings.total_s;
  result.used = fields_of(run.request);
  result.used["sampler"] = run.sampler;
  result.used["scheduler"] = run.scheduler;
  result.used["model"] = run.model_name;
}

JobResult Worker::draw_batches(Running& running) {
  const Job& job = running.claim.job;
  Request request = request_of(job, catalog_);
  JobResult result;
  for (int batch = 0; batch < job.batches && (batch == 0 || !running.last_batch); ++batch) {
    if (batch > 0) request.seed = result.pictures.back().seed + 1;
    if (!running.last_batch) running.stop = false;  // a batch that was skipped is no reason to skip the next
    add_pictures(job, engine_.generate(request, events_of(running, batch, job.batches)), result);
  }
  return result;
}

}  // namespace imagent::server
