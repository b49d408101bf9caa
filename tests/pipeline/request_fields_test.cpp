// Fields of a request: reading, printing, ranges, JSON, environment, precedence.
#include "pipeline/request_fields.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "base/error.h"
#include "nlohmann/json.hpp"

namespace imagent {
namespace {

Request request_of(const GivenValues& given) {
  Request request;
  apply(request, request_fields(), given);
  return request;
}
Request one(const std::string& name, const std::string& text) { return request_of({{name, {text, "--" + name}}}); }

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::usage) << error.text;
    return error.text;
  }
  return "accepted";
}

TEST(RequestFields, ReadEveryKindOfValue) {
  EXPECT_EQ(one("width", "512").width, 512);
  EXPECT_EQ(one("steps", "1000").steps, 1000);
  EXPECT_EQ(one("seed", "-1").seed, -1);
  EXPECT_EQ(one("seed", "9223372036854775807").seed, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(one("guidance_scale", "7.5").guidance_scale, 7.5f);
  EXPECT_EQ(one("guidance_scale", "0").guidance_scale, 0.f);
  EXPECT_EQ(one("dtype", "BF16").dtype, DType::bf16);
  EXPECT_EQ(one("rng", "cuda").rng, GeneratorKind::cuda);
  EXPECT_EQ(one("compat", "a1111").compat, Compat::a1111);
  EXPECT_EQ(one("negative_prompt", "").negative, "");
  EXPECT_FALSE(one("prompt", "x").negative.has_value());
  EXPECT_EQ(one("original_size", "768x512").original_size->width, 768);
  EXPECT_EQ(one("original_size", "768x512").original_size->height, 512);
  EXPECT_EQ(one("crop", "32,16").crop->left, 32);
  EXPECT_EQ(one("crop", "32,16").crop->top, 16);
  const Request preview = one("preview", "every:5:vae");
  EXPECT_EQ(preview.preview_every, 5);
  EXPECT_EQ(preview.preview, PreviewKind::vae);
  EXPECT_EQ(one("preview", "every:3").preview, PreviewKind::latent);
  EXPECT_EQ(one("preview", "none").preview_every, 0);
  EXPECT_EQ(one("size", "640x384").height, 384);
  EXPECT_EQ(one("freeu", "1.5,1.6,0.9,0.2").freeu, (FreeU{1.5f, 1.6f, 0.9f, 0.2f}));
}

TEST(RequestFields, RefuseWhatIsOutOfRange) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"width", "500"}, {"width", "56"}, {"width", "8200"}, {"width", "-512"}, {"width", "512px"}, {"width", ""}, {"height", "0"},
      {"freeu", "1.5,1.6,0.9"}, {"freeu", "1,1,1,11"}, {"freeu", "1,1,1,x"}, {"steps", "0"}, {"steps", "1001"}, {"steps", "2.5"}, {"steps", "99999999999999999999"}, {"batch", "0"}, {"batch", "65"},
      {"guidance_scale", "nan"}, {"guidance_scale", "inf"}, {"guidance_scale", "-1"}, {"guidance_scale", "7,5"}, {"guidance_rescale", "1.1"},
      {"seed", "-2"}, {"seed", "1.5"}, {"seed", "9223372036854775808"}, {"seed", "0x10"}, {"clip_skip", "0"}, {"refiner_switch", "2"},
      {"dtype", "q3"}, {"rng", "gpu"}, {"compat", "best"}, {"quality", "best"}, {"original_size", "768"}, {"original_size", "768x"},
      {"original_size", "0x5"}, {"crop", "1"}, {"crop", "-1,2"}, {"preview", "5"}, {"preview", "every:0"}, {"preview", "every:5:jpeg"},
      {"preview", "every:5:vae:x"}, {"preview", ""}, {"prompt", "caf\xe9"}, {"model", ""}};
  for (const auto& [name, text] : bad) {
    const std::string message = refusal([&, name = name, text = text] { one(name, text); });
    EXPECT_NE(message, "accepted") << name << " " << text;
    EXPECT_EQ(message.find("--" + name + " \""), 0u) << message;
    EXPECT_NE(message.find("should be"), std::string::npos) << message;
  }
}

TEST(RequestFields, MessagesNameFlagValueAndRange) {
  EXPECT_EQ(refusal([] { one("width", "500"); }), "--width \"500\": should be a multiple of 8 from 64 to 8192");
  EXPECT_EQ(refusal([] { one("steps", "0"); }), "--steps \"0\": should be a whole number from 1 to 1000");
  EXPECT_EQ(refusal([] { one("compat", "difusers"); }),
            "--compat \"difusers\": should be one of native, diffusers, a1111; did you mean diffusers?");
  EXPECT_EQ(refusal([] { one("prompt", "caf\xe9\n"); }), "--prompt \"caf\\xe9\\x0a\": should be text in UTF-8");
  EXPECT_EQ(quoted(std::string(100, 'x')), "\"" + std::string(60, 'x') + "...\"");
  EXPECT_EQ(quoted(std::string(59, 'x') + "\u00e9\u00e9"), "\"" + std::string(59, 'x') + "...\"");
}

TEST(RequestFields, QualityFillsInWhatIsNotGiven) {
  const Request high = one("quality", "high");
  EXPECT_EQ(high.width, 768);
  EXPECT_EQ(high.height, 768);
  EXPECT_EQ(high.steps, 35);
  const Request given = request_of({{"quality", {"fast", "--quality"}}, {"height", {"640", "--height"}}, {"steps", {"4", "--steps"}}});
  EXPECT_EQ(given.width, 0);  // one side is given: the other is the model's
  EXPECT_EQ(given.height, 640);
  EXPECT_EQ(given.steps, 4);
}

TEST(RequestFields, JsonOfA1111AndOpenAi) {
  const auto names = infos(request_fields());
  GivenValues given;
  const auto unknown = add_json(given, names,
                                nlohmann::json::parse(R"({"prompt":"a","negative_prompt":null,"steps":20.0,"cfg_scale":7,"width":512,
      "sampler_name":"Euler a","batch_size":2,"seed":-1,"restore_faces":false,"eta":0.5})"),
                                "body");
  EXPECT_EQ(unknown, std::vector<std::string>{"restore_faces"});
  const Request a1111 = request_of(given);
  EXPECT_EQ(a1111.prompt, "a");
  EXPECT_FALSE(a1111.negative.has_value());
  EXPECT_EQ(a1111.steps, 20);
  EXPECT_EQ(a1111.guidance_scale, 7.f);
  EXPECT_EQ(a1111.sampler, "Euler a");
  EXPECT_EQ(a1111.batch, 2);
  EXPECT_EQ(a1111.eta, 0.5f);

  given.clear();
  add_json(given, names, {{"prompt", "b"}, {"n", 3}, {"size", "1024x768"}}, "body");
  const Request openai = request_of(given);
  EXPECT_EQ(openai.batch, 3);
  EXPECT_EQ(openai.width, 1024);
  EXPECT_EQ(openai.height, 768);

  EXPECT_EQ(refusal([&] { GivenValues g; add_json(g, names, {{"steps", {1, 2}}}, "body"); }),
            "body: steps: should be a whole number from 1 to 1000, not a list or object");
  EXPECT_EQ(refusal([&] { GivenValues g; add_json(g, names, nlohmann::json::array(), "body"); }), "body: should be a JSON object");
  EXPECT_EQ(refusal([&] { GivenValues g; add_json(g, names, {{"cfg_scale", 1e9}}, "body"); request_of(g); }),
            "body: cfg_scale \"1000000000\": should be a number from 0 to 100");
}

TEST(RequestFields, WhatWasGivenFirstWins) {
  const auto names = infos(request_fields());
  GivenValues given = {{"steps", {"1", "--steps"}}};
  const std::map<std::string, const char*> variables = {{"IMAGENT_STEPS", "2"}, {"IMAGENT_GUIDANCE_SCALE", "2"}};
  add_environment(given, names, [&](const char* name) { return variables.count(name) ? variables.at(name) : nullptr; });
  add_json(given, names, {{"steps", 3}, {"guidance_scale", 3}, {"clip_skip", 3}}, "file");
  const Request request = request_of(given);
  EXPECT_EQ(request.steps, 1);
  EXPECT_EQ(request.guidance_scale, 2.f);
  EXPECT_EQ(request.clip_skip, 3);
}

TEST(RequestFields, NamesAreUnique) {
  std::set<std::string> seen;
  for (const FieldInfo& field : infos(request_fields())) {
    std::vector<std::string> names = field.flags;
    names.push_back(field.name);
    names.insert(names.end(), field.json.begin(), field.json.end());
    for (const std::string& name : names) EXPECT_TRUE(seen.insert(name).second) << name;
  }
}

TEST(RequestFields, ValidateWholeRequests) {
  validate(Request{.prompt = "x"});
  for (const auto& field : request_fields()) {  // what a field prints it reads
    Request request{.prompt = "x", .width = 512, .height = 512, .steps = 5, .guidance_scale = 7.1f, .crop = Offset{1, 2}, .preview_every = 3};
    const std::string text = field.rule.get(request);
    Request copy;
    if (text.empty()) continue;
    EXPECT_TRUE(field.rule.set(copy, text)) << field.info.name << " " << text;
    EXPECT_EQ(field.rule.get(copy), text);
  }
  EXPECT_EQ(refusal([] { validate(Request{.prompt = "x", .width = 100}); }), "width \"100\": should be a multiple of 8 from 64 to 8192");
  EXPECT_NE(refusal([] { validate(Request{.prompt = "x", .guidance_scale = std::numeric_limits<float>::quiet_NaN()}); }), "accepted");
  EXPECT_NE(refusal([] { validate(Request{.prompt = "x", .steps = -3}); }), "accepted");
  EXPECT_NE(refusal([] { validate(Request{.prompt = "x\xff"}); }), "accepted");
  EXPECT_NE(refusal([] { validate(Request{.prompt = "x", .dtype = DType::i32}); }), "accepted");
  EXPECT_NE(refusal([] { validate(Request{.prompt = "x", .seed = std::numeric_limits<int64_t>::max()}); }), "accepted");
}

}  // namespace
}  // namespace imagent
