// Command line arguments: flags, values, what is refused and how.
#include "cli/arguments.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/run_options.h"
#include "support/golden.h"

namespace imagent {
namespace {

using Words = std::vector<std::string>;

const CommandInfo command = {.name = "txt2img", .summary = "", .positional = "", .positional_hint = "the prompt is given with -p", .max_positional = 0, .epilogue = ""};

Arguments parsed(const Words& words) { return parse_arguments(command, picture_fields(), words); }

PictureCall call(Words words, const std::map<std::string, std::string>& variables = {}) {
  return read_picture_call(parsed(words), [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string refusal(const Words& words, const std::map<std::string, std::string>& variables = {}) {
  try {
    call(words, variables);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::usage) << error.text;
    return error.text;
  }
  return "accepted";
}

std::string temporary(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + "imagent_" + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(Arguments, EveryFlagOfTheContract) {
  const PictureCall c = call({"-p", "a fox", "-n", "", "-m", "models/x", "-o", "fox_%d.webp", "-W", "512", "--height", "768", "--num-steps", "30",
                              "-g", "6", "--guidance-rescale", "0.7", "-s", "4294967301", "-b", "2", "--count", "3", "--sampler", "euler_a",
                              "--scheduler", "karras", "--eta", "1", "--clip-skip", "2", "--refiner", "r", "--refiner-switch", "0.7",
                              "--prompt-2", "b", "--negative-2", "c", "--original-size", "768x512", "--target-size", "1024x1024", "--crop", "32,16",
                              "--negative-original-size", "256x256", "--negative-target-size", "512x512", "--negative-crop", "0,8",
                              "--preview", "every:5:latent", "--rng", "cuda", "--compat", "diffusers", "--dtype", "f32", "--threads", "2",
                              "--device", "cpu", "--no-metadata", "--json", "-q", "-vv", "--progress", "plain", "--save-latents", "l.safetensors"});
  EXPECT_EQ(c.request.prompt, "a fox");
  EXPECT_EQ(c.request.negative, "");
  EXPECT_EQ(c.request.width, 512);
  EXPECT_EQ(c.request.height, 768);
  EXPECT_EQ(c.request.steps, 30);
  EXPECT_EQ(c.request.guidance_scale, 6.f);
  EXPECT_EQ(c.request.seed, 4294967301);
  EXPECT_EQ(c.request.batch, 2);
  EXPECT_EQ(c.request.prompt_2, "b");
  EXPECT_EQ(c.request.negative_crop->top, 8);
  EXPECT_EQ(c.request.dtype, DType::f32);
  EXPECT_EQ(c.options.output, "fox_%d.webp");
  EXPECT_EQ(c.options.count, 3);
  EXPECT_EQ(c.options.threads, 2);
  EXPECT_EQ(c.options.device, "cpu");
  EXPECT_EQ(c.options.verbose, 2);
  EXPECT_EQ(c.options.progress, ProgressMode::plain);
  EXPECT_EQ(c.options.save_latents, "l.safetensors");
  EXPECT_TRUE(c.options.no_metadata && c.options.json && c.options.quiet);
}

// The hints of the golden pictures serve as pictures to look at.
std::string hint(int number) { return test::golden(str("pipelines/controlnet-sd15-two/hint_", number, ".png")).string(); }

TEST(Arguments, GroupsOfFlagsMayBeRepeated) {
  const Request r = call({"-p", "x", "--control-net", "a", "--control-image", hint(0), "--control-strength=0.5", "--control-guess", "--steps", "3",
                          "--control-net=b", "--control-preprocess", "canny", "--control-image", hint(1), "--control-start", "0.2", "--control-end", "0.7"}).request;
  ASSERT_EQ(r.controls.size(), 2u);
  EXPECT_EQ(r.steps, 3);
  EXPECT_EQ(r.controls[0].model, "a");
  EXPECT_EQ(r.controls[0].strength, 0.5f);
  EXPECT_EQ(r.controls[0].mode, ControlMode::control);
  EXPECT_EQ(r.controls[0].end, 1);
  EXPECT_EQ(r.controls[1].model, "b");
  EXPECT_EQ(r.controls[1].strength, 1.f);
  EXPECT_EQ(r.controls[1].mode, ControlMode::balanced);
  EXPECT_EQ(r.controls[1].preprocess, Preprocessor::canny);
  EXPECT_EQ(r.controls[1].start, 0.2);
  EXPECT_EQ(r.controls[1].end, 0.7);
  ASSERT_TRUE(r.controls[0].image && r.controls[1].image);
  EXPECT_NE(*r.controls[0].image, *r.controls[1].image);
}

TEST(Arguments, GroupsComeFromConfigurationAndEnvironmentToo) {
  const std::string list = "[{\"model\":\"a\",\"image\":\"" + hint(0) + "\",\"weight\":0.5}]";
  const std::string config = temporary("controls.json", "{\"controls\": " + list + "}");
  for (const Request& r : {call({"-p", "x", "--config", config}).request, call({"-p", "x"}, {{"IMAGENT_CONTROLS", list}}).request}) {
    ASSERT_EQ(r.controls.size(), 1u);
    EXPECT_EQ(r.controls[0].strength, 0.5f);
  }
  EXPECT_EQ(call({"-p", "x", "--config", config, "--control-net", "b", "--control-image", hint(1)}).request.controls.at(0).model, "b") << "a flag replaces the list";
  EXPECT_NE(refusal({"-p", "x"}, {{"IMAGENT_CONTROLS", "[{\"model\":\"a\",\"strength\":9}]"}}).find("IMAGENT_CONTROLS[0]: strength \"9\": should be a number from 0 to 2"),
            std::string::npos);
  EXPECT_NE(refusal({"-p", "x"}, {{"IMAGENT_CONTROLS", "[{\"modell\":\"a\"}]"}}).find("unknown name \"modell\""), std::string::npos);
  EXPECT_NE(refusal({"-p", "x"}, {{"IMAGENT_CONTROLS", "a"}}).find("should be a JSON list"), std::string::npos);
  EXPECT_NE(refusal({"-p", "x"}, {{"IMAGENT_CONTROLS", "[1]"}}).find("should be a JSON object"), std::string::npos);
}

TEST(Arguments, GroupsThatMakeNoSense) {
  EXPECT_EQ(refusal({"-p", "x", "--control-strength", "1", "--control-net", "a"}), "--control-strength: belongs behind a --control-net");
  EXPECT_EQ(refusal({"-p", "x", "--control-net", "a", "--control-strength", "3"}), "--control-strength \"3\": should be a number from 0 to 2");
  EXPECT_NE(refusal({"-p", "x", "--control-net", "a"}).find("--control-image"), std::string::npos);
  EXPECT_NE(refusal({"-p", "x", "--control-net", "a", "--control-image", hint(0), "--control-start", "0.5", "--control-end", "0.2"}).find("lies behind"), std::string::npos);
  EXPECT_NE(refusal({"-p", "x", "--control-nett", "a"}).find("did you mean --control-net?"), std::string::npos);
}

TEST(Arguments, SpellingsOfFlags) {
  EXPECT_EQ(call({"-p", "x", "--cfg-scale=3"}).request.guidance_scale, 3.f);
  EXPECT_EQ(call({"-p", "x", "--guidance-scale", "3"}).request.guidance_scale, 3.f);
  EXPECT_EQ(call({"-p", "x", "-W512"}).request.width, 512);
  EXPECT_EQ(call({"-p", "x", "-s", "-1"}).request.seed, -1);
  EXPECT_EQ(call({"-p", "x", "--steps", "4", "--steps", "8"}).request.steps, 8) << "the last one counts";
  EXPECT_EQ(call({"-p", "x", "--cpu"}).options.device, "cpu");
  EXPECT_EQ(call({"-p", "x", "-v", "-v"}).options.verbose, 2);
}

TEST(Arguments, PromptsAreTakenAsTheyAre) {
  for (const std::string text : {"", "[a, b]", "[red:blue:0.5]", "{}", "-dashes", "--steps", "a=b", "%%", "<lora:x:1>", "\u00e9\u4e2d \"q\""})
    EXPECT_EQ(call({"-p", text}).request.prompt, text);
  EXPECT_EQ(call({"--prompt=a=b"}).request.prompt, "a=b");
  EXPECT_EQ(call({"-p", "x", "--negative=", "--steps", "4"}).request.negative, "");
  EXPECT_EQ(call({"-p", "x", "--negative=", "--steps", "4"}).request.steps, 4);
}

TEST(Arguments, RefusalsAreOneClearLine) {
  const std::vector<std::pair<Words, std::string>> cases = {
      {{"-p", "x", "--step", "3"}, "unknown flag \"--step\"; did you mean --steps? (imagent help txt2img lists all)"},
      {{"-p", "x", "--sede=3"}, "unknown flag \"--sede\"; did you mean --seed? (imagent help txt2img lists all)"},
      {{"-p", "x", "--zzzzzzzz"}, "unknown flag \"--zzzzzzzz\" (imagent help txt2img lists all)"},
      {{"a fox"}, "unexpected argument \"a fox\" of txt2img; the prompt is given with -p"},
      {{"-p", "x", "--", "--steps"}, "unexpected argument \"--steps\" of txt2img; the prompt is given with -p"},
      {{"-p", "x", "--steps"}, "--steps: needs a value (imagent help txt2img explains it)"},
      {{"-p", "x", "--steps", "0"}, "--steps \"0\": should be a whole number from 1 to 1000"},
      {{"-p", "x", "-W", "500"}, "--width \"500\": should be a multiple of 8 from 64 to 8192"},
      {{"-p", "caf\xe9"}, "--prompt \"caf\\xe9\": should be text in UTF-8"},
      {{"--steps", "3"}, "--prompt is missing: -p TEXT, -p - to read it from standard input, or --prompt-file FILE"},
      {{"-p", "x", "-b", "2", "-o", "-"}, "--output -: standard output takes one picture, not 2"},
      {{"-p", "x", "-o", "-", "--json"}, "--output - and --json: both write to standard output"},
      {{"-p", "x", "--prompt-file", "y"}, "--prompt and --prompt-file: only one of them may be given"},
      {{"--prompt-file", "/no/such/file"}, "cannot read the prompt file \"/no/such/file\": No such file or directory"},
      {{"-p", "x", "--config", "/no/such/file"}, "cannot read the configuration file \"/no/such/file\": No such file or directory"},
      {{"-p", "x", "-s", "9223372036854775807"}, "seed 9223372036854775807: too large for a batch of 1, whose last seed would not fit 64 bits"},
  };
  for (const auto& [words, expected] : cases) EXPECT_EQ(refusal(words), expected);
  EXPECT_EQ(call({"-p", "x", "--linear", "fp8"}).options.linear, DType::f8_e4m3);
  EXPECT_FALSE(call({"-p", "x"}).options.linear);
  EXPECT_EQ(refusal({"-p", "x", "--linear", "int4"}), "--linear \"int4\": should be one of int8, fp8; did you mean int8?");
  EXPECT_EQ(refusal({"-p", "x", "--device", "gpu"}).find("--device \"gpu\": should be one of auto, "), 0u);
  EXPECT_NE(refusal({"-p", "x", "--json=maybe"}), "accepted");
  EXPECT_NE(refusal({"-p", "x", "-s", "9223372036854775800", "--count", "8"}), "accepted");
  const std::string sampler = refusal({"-p", "x", "--sampler", "eulr"});
  EXPECT_EQ(sampler.find("--sampler \"eulr\": should be one of euler, "), 0u) << sampler;
  EXPECT_NE(sampler.find("dpmpp_2m, "), std::string::npos);
  EXPECT_NE(sampler.find("did you mean euler?"), std::string::npos);
}

TEST(Arguments, FlagBeforeEnvironmentBeforeFile) {
  const std::string config = temporary("config.json", R"({"steps": 3, "guidance_scale": 3, "seed": 3, "threads": 3})");
  const PictureCall c = call({"-p", "x", "--steps", "1", "--config", config}, {{"IMAGENT_STEPS", "2"}, {"IMAGENT_GUIDANCE_SCALE", "2"}, {"IMAGENT_JSON", "1"}});
  EXPECT_EQ(c.request.steps, 1);
  EXPECT_EQ(c.request.guidance_scale, 2.f);
  EXPECT_EQ(c.request.seed, 3);
  EXPECT_EQ(c.options.threads, 3);
  EXPECT_TRUE(c.options.json);
  EXPECT_EQ(call({"-p", "x"}, {{"IMAGENT_CONFIG", config}}).request.steps, 3);
  EXPECT_EQ(refusal({"-p", "x"}, {{"IMAGENT_STEPS", "many"}}), "IMAGENT_STEPS \"many\": should be a whole number from 1 to 1000");
}

TEST(Arguments, FaultsOfConfigurationFiles) {
  const std::string typo = temporary("typo.json", R"({"step": 3})");
  EXPECT_EQ(refusal({"-p", "x", "--config", typo}), "configuration file " + quoted(typo) + ": unknown name \"step\"; did you mean steps?");
  for (const std::string text : {"", "[1]", "{\"steps\": 3", "steps: 3"}) {
    const std::string broken = temporary("broken.json", text);
    EXPECT_EQ(refusal({"-p", "x", "--config", broken}), "configuration file " + quoted(broken) + ": should be a JSON object");
  }
}

TEST(Arguments, PromptFromAFile) {
  EXPECT_EQ(call({"--prompt-file", temporary("prompt.txt", "a fox\nin the snow\r\n")}).request.prompt, "a fox\nin the snow");
  EXPECT_NE(refusal({"--prompt-file", temporary("long.txt", std::string((1 << 20) + 1, 'x'))}).find("is longer than 1 MiB"), std::string::npos);
  EXPECT_NE(refusal({"--prompt-file", testing::TempDir()}), "accepted");
}

TEST(Arguments, HelpNamesEveryFlag) {
  for (const Command& c : commands()) {
    const std::string text = help_text(c.info, c.fields);
    for (const FieldInfo& field : c.fields) {
      for (const std::string& flag : field.flags) EXPECT_NE(text.find(flag), std::string::npos) << c.info.name << " " << flag;
      if (field.flags.empty()) continue;
      EXPECT_FALSE(field.help.empty()) << field.name;
      EXPECT_NE(text.find(field.group), std::string::npos) << field.group;
    }
    EXPECT_TRUE(parse_arguments(c.info, c.fields, {"--help"}).help);
    EXPECT_TRUE(parse_arguments(c.info, c.fields, {"-h"}).help);
  }
}

}  // namespace
}  // namespace imagent
