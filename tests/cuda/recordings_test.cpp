// Calls that the CUDA backend records and launches again: the same numbers as without, whatever happens in between.
#include <gtest/gtest.h>

#include <cmath>

#include "emulated_backend.h"
#include "ops/ops.h"
#include "support/golden.h"

namespace imagent::test {
namespace {

std::vector<float> numbers(int64_t count, float seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(seed + 0.7f * static_cast<float>(i));
  return values;
}

// A convolution, attention and what overwrites its arguments.
struct Network {
  cuda::CudaBackend backend;
  Packed conv = pack_conv(1), to_q = pack_linear(2), out = pack_linear(3);
  int calls = 0;  // of the function itself

  Packed pack_conv(float seed) {
    const std::vector<float> weight = numbers(8 * 8 * 9, seed);
    return backend.pack_conv2d({DType::f32, {8, 8, 3, 3}, weight.data(), nullptr}, {}, DType::f32);
  }
  Packed pack_linear(float seed) {
    const std::vector<float> weight = numbers(8 * 8, seed), bias = numbers(8, seed + 1);
    return backend.pack_linear({DType::f32, {8, 8}, weight.data(), nullptr}, {DType::f32, {8}, bias.data(), nullptr}, DType::f32);
  }
  std::vector<Tensor> inputs(float seed, int64_t side = 6) {
    return {upload(backend, {2, side, side, 8}, numbers(2 * side * side * 8, seed)), upload(backend, {2, side * side, 8}, numbers(2 * side * side * 8, seed + 1))};
  }
  Tensor call(std::vector<Tensor> in) {
    ++calls;
    const int64_t side = in[0].dim(1);
    Tensor x = unary(std::move(in[0]), Act::silu);  // in place, were it nobody else's
    x = conv2d(x, conv, Conv2dParams::same(3)).reshape({2, side * side, 8});
    const Tensor q = linear(x, to_q);
    x = attention(q, std::move(in[1]), x, 2);
    return linear(x, out, {.act = Act::none, .per_image = {}, .residual = x});
  }
  Tensor replayed(std::vector<Tensor> in) {
    return backend.replay("network", std::move(in), [&](std::vector<Tensor> given) { return std::vector{call(std::move(given))}; }).front();
  }
  // Replayed and called as it is.
  void expect_same(float seed, int64_t side = 6) { EXPECT_EQ(download(replayed(inputs(seed, side))), download(call(inputs(seed, side)))) << seed; }
};

TEST(CudaRecordings, LaunchWhatTheSecondCallQueued) {
  Network network;
  const int launches = emulation::graph_launches, graphs = emulation::graphs;
  std::vector<Tensor> results;
  std::vector<std::vector<float>> expected;
  for (int i = 0; i < 6; ++i) {
    const std::vector<Tensor> in = network.inputs(static_cast<float>(i));
    results.push_back(network.replayed(in));
    expected.push_back(download(network.call(network.inputs(static_cast<float>(i)))));
    const Tensor others = upload(network.backend, {64, 64, 8}, numbers(64 * 64 * 8, 9));  // memory that is given out in between
    EXPECT_EQ(download(in[0]), numbers(in[0].numel(), static_cast<float>(i))) << "the caller's own";
  }
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(download(results[i]), expected[i]) << i;  // none wrote over an earlier one
  EXPECT_EQ(network.calls, 6 + 2);
  EXPECT_EQ(emulation::graph_launches, launches + 5);
  EXPECT_EQ(emulation::graphs, graphs + 1);
}

TEST(CudaRecordings, EachShapeHasItsOwn) {
  Network network;
  const int graphs = emulation::graphs;
  for (const float seed : {1.0f, 2.0f, 3.0f})
    for (const int64_t side : {4, 6, 5}) network.expect_same(seed, side);
  EXPECT_EQ(emulation::graphs, graphs + 3);
  const auto doubled = [](std::vector<Tensor> in) { return std::vector{in[0] + in[0]}; };
  for (int64_t side = 1; side < 40; ++side)
    for (int i = 0; i < 2; ++i) network.backend.replay("doubled", {upload(network.backend, {side}, numbers(side, 1))}, doubled);
  EXPECT_LE(emulation::graphs, graphs + 16);
  network.expect_same(4, 4);
}

TEST(CudaRecordings, AnotherWeightMakesThemVoid) {
  Network network;
  for (const float seed : {1.0f, 2.0f, 3.0f}) network.expect_same(seed);
  const int calls = network.calls;
  network.conv.data.take(network.pack_conv(5).data);  // as a LoRA does
  for (const float seed : {4.0f, 5.0f}) network.expect_same(seed);
  EXPECT_EQ(network.calls, calls + 2 + 1);
  network.conv = network.pack_conv(6);  // the old one is gone
  network.expect_same(6);
  EXPECT_EQ(network.calls, calls + 2 + 1 + 2);
}

TEST(CudaRecordings, WhatTheHostMustSeeIsCalledAsItIs) {
  Network network;
  int calls = 0;
  const int graphs = emulation::graphs;
  const auto call = [&](std::vector<Tensor> in) {
    ++calls;
    const Tensor x = unary(in[0], Act::silu);
    return std::vector{axpby(download(x)[3], x, 0, x)};
  };
  for (const float seed : {1.0f, 2.0f, 3.0f, 4.0f}) {
    const std::vector<Tensor> in = network.inputs(seed);
    EXPECT_EQ(download(network.backend.replay("host", in, call).front()), download(call(in).front()));
  }
  EXPECT_EQ(calls, 8 + 1);  // one was begun to be recorded
  EXPECT_EQ(emulation::graphs, graphs);
  network.expect_same(1);
}

TEST(CudaRecordings, AreGivenUpWhenMemoryIsShort) {
  Network network;
  const int graphs = emulation::graphs;
  for (const float seed : {1.0f, 2.0f, 3.0f}) network.expect_same(seed);
  EXPECT_EQ(emulation::graphs, graphs + 1);
  const size_t available = network.backend.available_bytes();
  network.backend.release_cached();
  EXPECT_EQ(network.backend.available_bytes(), available) << "what would be given up counts";
  for (const float seed : {1.0f, 2.0f}) network.expect_same(seed);
  EXPECT_EQ(emulation::graphs, graphs + 1);
  const Set small(emulation::memory_limit, emulation::memory_used);
  std::vector<Tensor> others;
  while (emulation::graphs > graphs && others.size() < 100) others.emplace_back(network.backend, Shape{4096}, DType::f32);
  EXPECT_LT(others.size(), 100u);
  others.clear();
  for (const float seed : {3.0f, 4.0f, 5.0f}) network.expect_same(seed);
  EXPECT_EQ(emulation::graphs, graphs + 1);
}

TEST(CudaRecordings, AreLeftWhenCancelled) {
  Network network;
  std::atomic<bool> cancel = false;
  network.backend.cancel = &cancel;
  bool raise = false;
  const auto call = [&](std::vector<Tensor> in) {
    cancel = raise;
    return std::vector{network.call(std::move(in))};
  };
  for (int begun = 0; begun < 3; ++begun) {  // when it is called, recorded, launched
    raise = true;
    if (begun == 2) cancel = true;
    EXPECT_EQ(error_of([&] { network.backend.replay("stopped", network.inputs(1), call); }).kind, ErrorKind::cancelled) << begun;
    raise = cancel = false;
    EXPECT_EQ(download(network.backend.replay("stopped", network.inputs(2), call).front()), download(network.call(network.inputs(2)))) << begun;
  }
}

TEST(CudaRecordings, HideNoOpFromAnObserver) {
  Network network;
  for (const float seed : {1.0f, 2.0f, 3.0f}) network.expect_same(seed);
  int seen = 0;
  network.backend.observer = [&](const OpRecord&) { ++seen; };
  network.replayed(network.inputs(4));
  EXPECT_EQ(seen, 5);
}

}  // namespace
}  // namespace imagent::test
