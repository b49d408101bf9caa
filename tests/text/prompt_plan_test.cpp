// plan_prompt: the grammar as a whole; and the rewriting of prompts before it.
#include "text/prompt_plan.h"

#include <chrono>

#include "base/error.h"
#include "text/clip_vocabulary.h"
#include "text/rewrite.h"

namespace imagent::test {
namespace {

PlanOptions steps(int count) { return {.grammar = PromptGrammar::weighted, .emphasis = Emphasis::original, .schedule = {.steps = count, .hires_steps = {}}, .negative = false}; }
std::vector<PromptEncoder> sdxl() { return {{tokenizer_l()}, {tokenizer_h()}}; }

TEST(PromptPlan, CutsStepsWhereAnyPartChanges) {
  const PromptPlan plan = plan_prompt("a [cat:dog:0.5] :0.8 AND [x::4] y <lora:l:0.3> # note", sdxl(), steps(10));
  ASSERT_EQ(plan.ranges.size(), 3u);
  std::string all;
  for (const auto& range : plan.ranges) {
    all += str(range.last_step, ":");
    for (const auto& part : range.parts) all += str(" '", plan.encodings[part.encoding].text, "'*", part.weight);
    all += ";";
  }
  EXPECT_EQ(all, "4: 'a cat'*0.8 ' x y'*1;5: 'a cat'*0.8 '  y'*1;10: 'a dog'*0.8 '  y'*1;");
  EXPECT_EQ(plan.encodings.size(), 4u);
  ASSERT_EQ(plan.networks.size(), 1u);
  EXPECT_DOUBLE_EQ(lora_request(plan.networks[0]).unet, 0.3);
  EXPECT_EQ(plan.at_step(1).last_step, 4);
  EXPECT_EQ(plan.at_step(5).last_step, 5);
  EXPECT_EQ(plan.at_step(11).last_step, 10);
}

TEST(PromptPlan, EncodesEachTextOnceForEachEncoder) {
  const PromptPlan plan = plan_prompt("[a|b] (cat:1.5)!", sdxl(), steps(6));
  EXPECT_EQ(plan.ranges.size(), 6u);
  ASSERT_EQ(plan.encodings.size(), 2u);
  const auto& chunks = plan.encodings[0].chunks;
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0][0].ids[3], 256);  // "!" is the padding of the second encoder
  EXPECT_EQ(chunks[1][0].ids[3], 0);
  EXPECT_DOUBLE_EQ(chunks[0][0].weights[2], 1.5);
  EXPECT_EQ(plan.encodings[0].token_count, 3u);
}

TEST(PromptPlan, KeepsANegativePromptWhole) {
  PlanOptions options = steps(4);
  options.negative = true;
  EXPECT_EQ(plan_prompt("a AND b", sdxl(), options).ranges[0].parts.size(), 1u);
}

TEST(PromptPlan, ReadsPlainTextForDiffusers) {
  PlanOptions options = steps(4);
  options.grammar = PromptGrammar::plain;
  const std::string prompt = "(a:1.2) AND [b|c] <lora:x:1> # d";
  const PromptPlan plan = plan_prompt(prompt, sdxl(), options);
  ASSERT_EQ(plan.encodings.size(), 1u);
  EXPECT_TRUE(plan.networks.empty());
  const auto ids = tokenizer_l().encode(prompt);
  EXPECT_TRUE(std::equal(ids.begin(), ids.end(), plan.encodings[0].chunks[0][0].ids.begin() + 1));
  EXPECT_EQ(plan_prompt(std::string(1000, '1'), sdxl(), options).chunk_count(), 1u);
}

TEST(PromptPlan, TakesBracketsLiterallyWithoutEmphasis) {
  PlanOptions options = steps(4);
  options.emphasis = Emphasis::none;
  const PromptPlan plan = plan_prompt("(cat:1.5)", sdxl(), options);
  EXPECT_EQ(plan.encodings[0].token_count, tokenizer_l().encode("(cat:1.5)").size());
}

TEST(PromptPlan, PadsToEqualLength) {
  const std::vector<PromptEncoder> encoders = sdxl();
  PromptPlan plan = plan_prompt("a BREAK b AND c", encoders, steps(4));
  EXPECT_EQ(plan.chunk_count(), 2u);
  pad_chunks(plan, encoders, 3);
  for (const auto& encoding : plan.encodings)
    for (size_t i = 0; i < encoders.size(); ++i) {
      ASSERT_EQ(encoding.chunks[i].size(), 3u);
      EXPECT_EQ(encoding.chunks[i][2].ids, empty_chunk(encoders[i].tokenizer).ids);
    }
}

TEST(PromptPlan, RefusesWhatNoPictureNeeds) {
  EXPECT_THROW(plan_prompt("a\xff", sdxl(), steps(4)), Error);
  EXPECT_THROW(plan_prompt("a", sdxl(), steps(0)), Error);
  EXPECT_THROW(plan_prompt(std::string(1000000, '1'), sdxl(), steps(4)), Error);
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "[a|b] AND ";
  EXPECT_THROW(plan_prompt(many, sdxl(), steps(1000)), Error);
}

TEST(PromptPlan, IsFastOnHostileText) {
  const auto begin = std::chrono::steady_clock::now();
  for (const char c : {'(', '[', ')', ']', '\\', '<', ':', '#'}) {
    const std::string prompt(100000, c);
    EXPECT_GE(plan_prompt(prompt, sdxl(), steps(20)).encodings.size(), 1u);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(Rewrite, StripsComments) {
  EXPECT_EQ(strip_comments("a, b"), "a, b");
  EXPECT_EQ(strip_comments("a # note\nb"), "a \nb");
  EXPECT_EQ(strip_comments("a\n# note\nb"), "a\nb");
  EXPECT_EQ(strip_comments("# note"), "\n");
  EXPECT_EQ(strip_comments("# one\n# two\nb"), "\nb");
  EXPECT_EQ(strip_comments(""), "");
}

TEST(Rewrite, AppliesStyles) {
  EXPECT_EQ(apply_style("a cat", "oil painting of {prompt}, {prompt}!"), "oil painting of a cat, a cat!");
  EXPECT_EQ(apply_style(" a cat ", " oil "), "a cat, oil");
  EXPECT_EQ(apply_style("", "oil"), "oil");
  EXPECT_EQ(apply_style("a cat", ""), "a cat");
}

TEST(Rewrite, ExpandsWildcards) {
  const std::map<std::string, std::vector<std::string>> files{{"animal", {"cat", "dog"}}, {"both", {"__animal__ and __animal__"}}, {"loop", {"__loop__"}}, {"none", {}},
                                                              {"wide", {"__wide2__ __wide2__"}}, {"wide2", {std::string(600000, 'x')}}};
  size_t turn = 0;
  const Wildcards wildcards{[&](const std::string& name) { return files.contains(name) ? &files.at(name) : nullptr; }, [&](size_t count) { return turn++ % count; }};
  EXPECT_EQ(expand_wildcards("a __animal__, __animal__", wildcards), "a cat, dog");
  EXPECT_EQ(expand_wildcards("__both__!", wildcards), "dog and cat!");
  EXPECT_EQ(expand_wildcards("__nobody__ __none__ ____ __ x __animal", wildcards), "__nobody__ __none__ ____ __ x __animal");
  EXPECT_THROW(expand_wildcards("__loop__", wildcards), Error);
  EXPECT_THROW(expand_wildcards("__wide__", wildcards), Error);
  EXPECT_EQ(expand_wildcards(std::string(200000, '_'), wildcards).size(), 200000u);
}

}  // namespace
}  // namespace imagent::test
