// Runs on several threads: they share UNet calls, and each gets the bytes that it would have got alone; cancelling, stopping
// or failing one leaves the others as they are.
#include <thread>

#include "pipeline/engine.h"
#include "support/devices.h"

namespace imagent::test {
namespace {

using Drawn = imagent::Run;

Engine make_engine(int shared_pictures) {
  return Engine({.device = "cpu", .threads = 2, .builtin_model = source_dir() / "models/demo", .shared_pictures = shared_pictures});
}

Request picture(int steps = 6) {
  Request r;
  r.prompt = "a tree";
  r.width = r.height = 64;
  r.steps = steps;
  r.seed = 100;
  return r;
}

Request picture_from_picture() {
  Request r = picture(8);
  r.init_image = std::make_shared<const Image>(64, 64, 3);
  r.strength = 0.7;
  return r;
}

// One after another that differ in all by which pictures of one call may differ.
std::vector<Request> different_pictures() {
  std::vector<Request> requests = {picture(), picture(9), picture(7), picture(4), picture_from_picture()};
  requests[0].batch = 2;
  requests[1].prompt = "a red house by the sea AND (blue:1.3) water";
  requests[1].sampler = "euler_a";
  requests[2].guidance_scale = 1;
  requests[2].sampler = "heun";
  requests[2].seed = 7;
  requests[3].sampler = "dpmpp_2m";
  requests[3].scheduler = "karras";
  requests[3].negative = "fog";
  requests[3].guidance_scale = 3;
  return requests;
}

// Draws all at the same time: the first waits before its first step until the others are in line.
std::vector<Drawn> draw_together(Engine& engine, const std::vector<Request>& requests, const std::vector<Events>& more = {}) {
  std::vector<Drawn> runs(requests.size());
  std::atomic<bool> begun = false;
  bool together = false;
  const auto draw = [&](size_t i) {
    Events events = i < more.size() ? more[i] : Events();
    if (i == 0)
      events.phase = [&](const std::string& phase) {
        begun = true;
        while (!together && phase == "denoise" && engine.waiting_runs() + 1 < static_cast<int>(requests.size())) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        together = together || phase == "denoise";
      };
    try {
      runs[i] = engine.generate(requests[i], events);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::cancelled) << error.text;
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < requests.size(); ++i) {
    threads.emplace_back(draw, i);
    while (i == 0 && !begun) std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  return runs;
}

void expect_same(const Drawn& run, const Drawn& alone) {
  ASSERT_EQ(run.results.size(), alone.results.size());
  for (size_t k = 0; k < alone.results.size(); ++k) {
    EXPECT_EQ(run.results[k].latents, alone.results[k].latents);
    EXPECT_EQ(run.results[k].image, alone.results[k].image);
  }
}

TEST(SharedRuns, EachGetsTheBytesThatItHasAlone) {
  const std::vector<Request> requests = different_pictures();
  Engine engine = make_engine(8), quiet = make_engine(1);
  const std::vector<Drawn> together = draw_together(engine, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(i);
    const Drawn alone = quiet.generate(requests[i]);
    EXPECT_EQ(alone.largest_call, requests[i].batch);
    EXPECT_EQ(together[i].largest_call, 6) << "pictures of all runs in one call";
    expect_same(together[i], alone);
  }
}

TEST(SharedRuns, CallsKeepToTheirLimit) {
  Engine engine = make_engine(2);
  for (const Drawn& run : draw_together(engine, {picture(), picture(), picture()})) {
    EXPECT_EQ(run.largest_call, 2);
    expect_same(run, make_engine(1).generate(picture()));
  }
}

TEST(SharedRuns, TextsOfOtherLengthsShareNoCalls) {
  Request longer = picture();
  for (int i = 0; i < 80; ++i) longer.prompt += " tree";
  Engine engine = make_engine(8);
  const std::vector<Drawn> runs = draw_together(engine, {picture(), longer, longer});
  EXPECT_EQ(runs[0].largest_call, 1);
  EXPECT_EQ(runs[1].largest_call, 2);
  expect_same(runs[1], make_engine(1).generate(longer));
}

TEST(SharedRuns, WhoeverWaitsWhenAKindBeginsJoinsIt) {
  Request wide = picture();
  wide.width = 128;
  Engine engine = make_engine(8);
  const std::vector<Drawn> runs = draw_together(engine, {picture(), wide, picture(), wide});  // the latter three in any order
  EXPECT_EQ(runs[1].largest_call, 2);
  EXPECT_EQ(runs[3].largest_call, 2);
}

TEST(SharedRuns, OtherSizesAndModelsTakeTurns) {
  Request wide = picture();
  wide.width = 128;
  Request tiny = picture();
  tiny.model = golden("models/sd15-tiny").string();
  Engine engine = make_engine(8);
  for (const Drawn& run : draw_together(engine, {picture(), wide, tiny, picture()})) {
    ASSERT_EQ(run.results.size(), 1u);
    expect_same(run, make_engine(1).generate(run.request));
  }
}

TEST(SharedRuns, OtherVaesTakeTurnsOnOneModel) {
  Request own = picture(), other = picture();
  other.vae = golden("taesd/toy_decoder.safetensors").string();
  Engine engine = make_engine(8);
  const std::vector<Drawn> runs = draw_together(engine, {own, other, own, other});
  for (const Drawn& run : runs) {
    ASSERT_EQ(run.results.size(), 1u);
    expect_same(run, make_engine(1).generate(run.request));
  }
  EXPECT_EQ(engine.loaded_models().size(), 1u);
  EXPECT_NE(runs[0].results[0].image, runs[1].results[0].image);
}

TEST(SharedRuns, CancellingOneLeavesTheOthers) {
  Engine engine = make_engine(8);
  std::atomic<bool> cancel = false;
  Events events;
  events.cancel = &cancel;
  events.progress = [&](const Progress& p) { cancel = p.step == 2; };
  const std::vector<Drawn> runs = draw_together(engine, {picture(), picture(1000), picture()}, {{}, events, {}});
  EXPECT_TRUE(runs[1].results.empty());
  for (const int i : {0, 2}) {
    EXPECT_EQ(runs[i].largest_call, 3);
    expect_same(runs[i], make_engine(1).generate(picture()));
  }
}

TEST(SharedRuns, ACancelledRunDoesNotWaitForTheCallThatItShares) {
  Engine engine = make_engine(8);
  Request large = picture(2);
  large.width = large.height = 512;
  std::atomic<bool> cancel = false;
  Events events;
  events.cancel = &cancel;
  std::atomic<bool> drawing = false;
  Events watch;
  watch.progress = [&](const Progress&) { drawing = true; };
  std::thread canceller([&] {
    while (!drawing) std::this_thread::yield();
    cancel = true;  // in the second call, or just before it
  });
  const std::vector<Drawn> runs = draw_together(engine, {large, large}, {watch, events});
  canceller.join();
  EXPECT_TRUE(runs[1].results.empty());
  expect_same(runs[0], make_engine(1).generate(large));
}

TEST(SharedRuns, AStoppedRunGivesWhatItHas) {
  Engine engine = make_engine(1);
  std::atomic<bool> stop = false;
  Events events;
  events.stop = &stop;
  int last = 0;
  Request request = picture(500);
  request.batch = 2;
  events.progress = [&](const Progress& p) {
    last = p.step;
    stop = p.step == 2;
  };
  const Drawn run = engine.generate(request, events);
  EXPECT_EQ(last, 2);
  ASSERT_EQ(run.results.size(), 2u);
  EXPECT_EQ(run.results[0].image.width, 64);
  EXPECT_NE(run.results[0].image, run.results[1].image);
  stop = false;
  events.progress = {};
  expect_same(engine.generate(picture(), events), make_engine(1).generate(picture()));
}

TEST(SharedRuns, AStoppedRunHasNoHiresPass) {
  std::atomic<bool> stop = false;
  Events events;
  events.stop = &stop;
  events.progress = [&](const Progress& p) { stop = p.step == 1; };
  Request request = picture();
  request.hires_scale = 2;
  const Drawn run = make_engine(1).generate(request, events);
  ASSERT_EQ(run.results.size(), 1u);
  EXPECT_EQ(run.results[0].image.width, 64);
}

TEST(SharedRuns, HiresPassesShareAndKeepTheirWords) {
  Request first = picture(3), second = picture(4);
  for (Request* request : {&first, &second}) {
    request->hires_scale = 2;
    request->hires_steps = 2;
  }
  second.prompt = "a house";
  Engine engine = make_engine(8);
  const std::vector<Drawn> runs = draw_together(engine, {first, second});
  EXPECT_EQ(runs[0].largest_call, 2);
  expect_same(runs[0], make_engine(1).generate(first));
  expect_same(runs[1], make_engine(1).generate(second));
}

}  // namespace
}  // namespace imagent::test
