// The same request gives the same bytes: whatever the thread count, the batch, and previews.
#include "pipeline/engine.h"
#include "support/devices.h"

namespace imagent::test {
namespace {

Run draw(const Request& request, int threads, const Events& events = {}) {
  Engine engine({.device = "cpu", .threads = threads, .builtin_model = source_dir() / "models/demo"});
  return engine.generate(request, events);
}

Request house(DType dtype) {
  Request r;
  r.prompt = "a red house by the sea at sunset";
  r.negative = "clouds";
  r.steps = 3;
  r.seed = 7;
  r.sampler = "euler_a";
  r.dtype = dtype;
  return r;
}

struct SameBytes : testing::TestWithParam<DType> {
  void SetUp() override {
    if (!backend("cpu").supports(GetParam())) GTEST_SKIP() << "this processor has no instructions for " << name_of(GetParam());
  }
};

TEST_P(SameBytes, ForAnyThreadCount) {
  const auto one = draw(house(GetParam()), 1);
  for (const int threads : {2, 4}) {
    const auto many = draw(house(GetParam()), threads);
    EXPECT_EQ(many.results[0].latents, one.results[0].latents) << threads;
    EXPECT_EQ(many.results[0].image, one.results[0].image) << threads;
  }
}

TEST_P(SameBytes, ForABatchAndItsSingles) {
  Request request = house(GetParam());
  request.batch = 3;
  const auto batch = draw(request, 2);
  ASSERT_EQ(batch.results.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    Request single = house(GetParam());
    single.seed = request.seed + i;
    const auto alone = draw(single, 2);
    EXPECT_EQ(batch.results[i].seed, single.seed);
    EXPECT_EQ(batch.results[i].latents, alone.results[0].latents) << i;
    EXPECT_EQ(batch.results[i].image, alone.results[0].image) << i;
  }
}

TEST_P(SameBytes, WithAndWithoutPreviews) {
  const auto plain = draw(house(GetParam()), 2);
  for (const PreviewKind kind : {PreviewKind::latent, PreviewKind::vae}) {
    Request request = house(GetParam());
    request.preview_every = 1;
    request.preview = kind;
    int previews = 0;
    Events events;
    events.progress = [&](const Progress& p) { previews += p.preview && p.preview->width > 0; };
    EXPECT_EQ(draw(request, 2, events).results[0].image, plain.results[0].image);
    EXPECT_EQ(previews, request.steps);
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, SameBytes, testing::Values(DType::f32, DType::bf16), [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace imagent::test
