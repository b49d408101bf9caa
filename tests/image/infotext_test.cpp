// Against the web UI's own reader and writer (tests/golden/text/infotext*.jsonl).
#include "image/infotext.h"

#include <chrono>
#include <random>
#include <set>

#include "base/error.h"
#include "support/golden.h"

namespace imagent {

namespace {

// What the golden reader adds that belongs to the web UI's form and not to the picture.
const std::set<std::string> form_fields = {
    "Hires resize-1", "Hires resize-2", "Hires sampler", "Hires schedule type", "Hires checkpoint", "Hires prompt", "Hires negative prompt", "Mask mode",
    "Masked content", "Inpaint area", "Masked area padding", "Schedule type", "Schedule max sigma", "Schedule min sigma", "Schedule rho", "VAE Encoder",
    "VAE Decoder", "FP8 weight", "Emphasis", "Refiner switch by sampling steps", "Hires VAE/TE", "Pad conds v0", "Downcast alphas_cumprod",
    "Old prompt editing timelines"};

std::string text_of(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

void expect_parsed(const std::string& text, const nlohmann::json& parsed) {
  SCOPED_TRACE(text);
  Infotext info = read_infotext(text);
  add_infotext_defaults(info);
  EXPECT_EQ(info.prompt, parsed["Prompt"].get<std::string>());
  EXPECT_EQ(info.negative_prompt, parsed["Negative prompt"].get<std::string>());
  for (const auto& [key, value] : info.parameters) {
    ASSERT_TRUE(parsed.contains(key)) << key;
    EXPECT_EQ(value, text_of(parsed[key])) << key;
  }
  for (const auto& [key, value] : parsed.items())
    EXPECT_TRUE(key == "Prompt" || key == "Negative prompt" || form_fields.contains(key) || info.find(key)) << key << " was not found";
}

// The parameters of a golden case in the web UI's order.
Infotext infotext_of(const nlohmann::json& p) {
  Infotext info{p["prompt"], p["negative_prompt"], {}};
  const auto add = [&](const char* key, const char* field) {
    if (p.contains(field)) info.set(key, text_of(p[field]));
  };
  const auto size = [](const nlohmann::json& w, const nlohmann::json& h) { return w.dump() + "x" + h.dump(); };
  add("Steps", "steps");
  add("Sampler", "sampler");
  add("Schedule type", "scheduler");
  add("CFG scale", "cfg_scale");
  add("Seed", "seed");
  add("Face restoration", "restore_faces");
  info.set("Size", size(p["width"], p["height"]));
  add("Model hash", "model_hash");
  add("Model", "model_name");
  add("Variation seed", "subseed");
  add("Variation seed strength", "subseed_strength");
  if (p.contains("seed_resize_from_w")) info.set("Seed resize from", size(p["seed_resize_from_w"], p["seed_resize_from_h"]));
  return info;
}

}  // namespace

TEST(Infotext, ReadsTheGoldens) {
  const auto written = test::read_jsonl(test::golden("text/infotext.jsonl"));
  const auto foreign = test::read_jsonl(test::golden("text/infotext_parse_only.jsonl"));
  ASSERT_EQ(written.size() + foreign.size(), 45u);
  for (const auto& row : written) expect_parsed(row["text"], row["parsed"]);
  for (const auto& row : foreign) expect_parsed(row["text"], row["parsed"]);
}

TEST(Infotext, WritesTheGoldens) {
  int compared = 0;
  for (const auto& row : test::read_jsonl(test::golden("text/infotext.jsonl"))) {
    const auto& p = row["params"];
    const std::string text = row["text"];
    Infotext info = infotext_of(p);
    // The rest of the line comes in the order of the text itself: json objects have lost it.
    std::vector<std::pair<size_t, std::pair<std::string, std::string>>> rest;
    const auto place = [&](const std::string& key, const nlohmann::json& value) {
      if (!value.is_null()) rest.push_back({std::min(text.rfind(", " + key + ": "), text.rfind(", " + key + ",")), {key, text_of(value)}});
    };
    if (p.contains("clip_skip")) place("Clip skip", p["clip_skip"]);
    if (p.contains("ensd")) place("ENSD", p["ensd"]);
    if (p.contains("token_merging")) place("Token merging ratio", p["token_merging"]);
    if (p.contains("init_img_hash")) place("Init image hash", p["init_img_hash"]);
    if (p.contains("randn_source")) place("RNG", p["randn_source"]);
    if (p.contains("tiling")) place("Tiling", "True");
    if (p.contains("version")) place("Version", p["version"]);
    const nlohmann::json extra = p.value("extra", nlohmann::json::object());
    for (const auto& [key, value] : extra.items()) place(key, value);
    std::sort(rest.begin(), rest.end());
    for (const auto& [at, pair] : rest) info.parameters.push_back(pair);
    EXPECT_EQ(write_infotext(info), text);
    ++compared;
  }
  EXPECT_EQ(compared, 28);
}

TEST(Infotext, RoundTrip) {
  Infotext info{"a cat, (best:1.2)\nsecond line", "blurry", {{"Steps", "20"}, {"Sampler", "Euler, a"}, {"Note", "a: \"b\"\n\\ \xF0\x9F\x90\xB1"}, {"Seed", "7"}}};
  const Infotext read = read_infotext(write_infotext(info));
  EXPECT_EQ(read.prompt, info.prompt);
  EXPECT_EQ(read.negative_prompt, info.negative_prompt);
  EXPECT_EQ(read.parameters, info.parameters);
}

TEST(Infotext, LongAndHostileInputTakesLinearTime) {
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& piece : std::vector<std::string>{"(", "a", "ab: \"", "ab: \\\"", "ab:\"\\", ": ", " ", "a b: 1, ", "\xE3\x80\x80", "\xFF", "ab: 1x", "\n", "\"", "a,"}) {
    std::string text;
    while (text.size() < 300000) text += piece;
    read_infotext(text);
    read_infotext("x\nSteps: 1, Sampler: a, Seed: 3, N: \"" + text);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Infotext, RandomBytesNeverFail) {
  std::mt19937 random(1);
  const std::string alphabet = "ab:,\"\\\n x19-/\xC3\xA9\xE3\x80\xFF";
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (size_t n = random() % 60; n > 0; --n) text += alphabet[random() % alphabet.size()];
    Infotext info = read_infotext("Steps: 1, Sampler: e, Size: 8x8, First pass size: 0x9," + text);
    add_infotext_defaults(info);
    write_infotext(info);
  }
}

}  // namespace imagent
