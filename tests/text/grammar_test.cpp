// The prompt grammar against A1111's own code: emphasis, prompt editing, AND, extra networks.
#include <chrono>

#include "base/error.h"
#include "support/golden.h"
#include "text/attention.h"
#include "text/extra_networks.h"
#include "text/multicond.h"
#include "text/schedules.h"

namespace imagent::test {
namespace {

void expect_weight(double ours, double theirs, const std::string& place) { EXPECT_NEAR(ours, theirs, 1e-12 * std::abs(theirs)) << place; }

TEST(Attention, GivesTheWeightsOfA1111) {
  const auto rows = read_jsonl(golden("text/attention.jsonl"));
  ASSERT_GE(rows.size(), 100u);
  for (const auto& row : rows) {
    const auto text = row.at("text").get<std::string>();
    const std::vector<WeightedText> runs = parse_attention(text);
    if (row.contains("reference_error")) continue;
    const auto& wanted = row.at("parsed");
    ASSERT_EQ(runs.size(), wanted.size()) << text;
    for (size_t i = 0; i < runs.size(); ++i) {
      EXPECT_EQ(runs[i].text, wanted[i][0].get<std::string>()) << text;
      expect_weight(runs[i].weight, wanted[i][1].get<double>(), text);
    }
  }
}

TEST(Attention, TakesAWeightThatIsNoNumberAsText) {
  for (const std::string& number : std::vector<std::string>{"1.2.3", ".", "-.", std::string(400, '9')}) {
    const auto runs = parse_attention("(a:" + number + ")");
    ASSERT_EQ(runs.size(), 1u);
    EXPECT_EQ(runs[0].text, "a:" + number);
    EXPECT_DOUBLE_EQ(runs[0].weight, 1.1);
  }
}

TEST(Schedules, GiveTheTextsOfA1111) {
  const auto rows = read_jsonl(golden("text/schedules.jsonl"));
  ASSERT_GE(rows.size(), 60u);
  for (const auto& row : rows) {
    const auto text = row.at("text").get<std::string>();
    for (const auto& run : row.at("runs")) {
      ScheduleOptions options{.steps = run.at("steps"), .hires_steps = {}, .old_scheduling = run.at("old_scheduling")};
      if (!run.at("hires_steps").is_null()) options.hires_steps = run.at("hires_steps").get<int>();
      auto ours = nlohmann::json::array();
      for (const ScheduledText& scheduled : prompt_schedule(text, options)) ours.push_back({scheduled.last_step, scheduled.text});
      EXPECT_EQ(ours, run.at("schedule")) << text << run;
    }
  }
}

TEST(Schedules, RefuseTextsWithoutBound) {
  std::string prompt;
  for (int i = 0; i < 100000; ++i) prompt += "[|]";
  EXPECT_THROW(prompt_schedule(prompt, {.steps = 10000, .hires_steps = {}}), Error);
  EXPECT_THROW(prompt_schedule("a", {.steps = 0, .hires_steps = {}}), Error);
}

TEST(Multicond, GivesThePartsOfA1111) {
  const auto rows = read_jsonl(golden("text/multicond.jsonl"));
  ASSERT_GE(rows.size(), 20u);
  for (const auto& row : rows) {
    const auto text = row.at("text").get<std::string>();
    const std::vector<PromptPart> parts = split_parts(text);
    ASSERT_EQ(parts.size(), row.at("parts").size()) << text;
    for (size_t i = 0; i < parts.size(); ++i) {
      EXPECT_EQ(parts[i].text, row["parts"][i]["text"].get<std::string>()) << text;
      expect_weight(parts[i].weight, row["parts"][i]["weight"], text);
    }
  }
}

TEST(ExtraNetworks, AreTakenOutAsInA1111) {
  const auto rows = read_jsonl(golden("text/extra_networks.jsonl"));
  ASSERT_GE(rows.size(), 30u);
  for (const auto& row : rows) {
    const auto text = row.at("text").get<std::string>();
    const ExtraNetworkPrompt ours = take_extra_networks(text);
    EXPECT_EQ(ours.text, row.at("prompt").get<std::string>()) << text;
    ASSERT_EQ(ours.networks.size(), row.at("networks").size()) << text;
    for (size_t i = 0; i < ours.networks.size(); ++i) {
      const ExtraNetwork& network = ours.networks[i];
      const auto& wanted = row["networks"][i];
      EXPECT_EQ(network.kind, wanted["kind"].get<std::string>());
      EXPECT_EQ(network.items, wanted["items"].get<std::vector<std::string>>());
      EXPECT_EQ(network.positional, wanted["positional"].get<std::vector<std::string>>());
      auto named = nlohmann::json::object();
      for (const auto& [key, value] : network.named) named[key] = value;
      EXPECT_EQ(named, wanted["named"]) << text;
      if (!wanted.contains("lora")) continue;
      if (wanted["lora"].contains("error")) {
        EXPECT_THROW(lora_request(network), Error) << text;
        continue;
      }
      const LoraRequest lora = lora_request(network);
      EXPECT_EQ(lora.name, wanted["lora"]["name"].get<std::string>());
      expect_weight(lora.text_encoder, wanted["lora"]["te"], text);
      expect_weight(lora.unet, wanted["lora"]["unet"], text);
    }
  }
}

TEST(ExtraNetworks, ReadTheDynamicRank) {
  EXPECT_EQ(lora_request(take_extra_networks("<lora:x:1:1:64>").networks[0]).dyn, 64);
  EXPECT_EQ(lora_request(take_extra_networks("<lyco:x:dyn=8>").networks[0]).dyn, 8);
  EXPECT_EQ(lora_request(take_extra_networks("<lora:x>").networks[0]).dyn, std::nullopt);
  EXPECT_THROW(lora_request(take_extra_networks("<lora:x:dyn=1e99>").networks[0]), Error);
  EXPECT_THROW(lora_request(take_extra_networks("<lora:te=1>").networks[0]), Error);
}

// Neither a stack overflow nor quadratic time.
TEST(Grammar, IsFastOnHostileText) {
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string piece : {"(", "[", ")", "]", ":", "|", "<", "<a:", "(a", "[a", "[a|", "[a:", "(a)", "[(", ":  ", ":1", "\\", "BREAK ", "AND ", " ", "[:[:"}) {
    std::string text;
    while (text.size() < 300000) text += piece;
    std::string nested = text;
    const size_t count = text.size() / piece.size();
    for (size_t i = 0; i < count; ++i) nested += piece.front() == '[' ? ":1]" : ")";
    for (const std::string& prompt : {text, nested}) {
      EXPECT_FALSE(parse_attention(prompt).empty());
      EXPECT_FALSE(prompt_schedule(prompt, {.steps = 4, .hires_steps = {}}).empty());
      EXPECT_FALSE(split_parts(prompt).empty());
      take_extra_networks(prompt);
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

}  // namespace
}  // namespace imagent::test
