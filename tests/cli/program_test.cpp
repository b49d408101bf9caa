// The built program from the outside: exit codes, what goes to which stream, files, Ctrl-C.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "cli/spawn.h"
#include "support/golden.h"
#include "weights/safetensors.h"

namespace imagent::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// A small picture by the built-in model.
Words draw(const fs::path& output, const Words& more = {}) {
  Words words = {"txt2img", "-p", "a red house", "-W", "64", "-H", "64", "--steps", "2", "-s", "5", "-o", output.string()};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

size_t files_in(const fs::path& folder) { return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator())); }

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

TEST(Program, FaultsHaveTheirExitCodeAndOneLine) {
  const Scratch scratch;
  fs::create_directory(scratch / "empty");
  std::ofstream(scratch / "file") << "x";
  const std::string out = (scratch / "x.png").string(), nowhere = (scratch / "no/such/folder/x.png").string();
  struct Case {
    Words words;
    int code;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"sketch"}, 2, "unknown command \"sketch\"; commands: help, "},
      {{"txt2img"}, 2, "--prompt is missing"},
      {{"--steps", "3"}, 2, "--prompt is missing"},
      {{"-p", "x", "--step", "3"}, 2, "did you mean --steps?"},
      {{"-p", "x", "-W", "500"}, 2, "--width \"500\": should be a multiple of 8"},
      {{"-p", "x", "--sampler", "eulr"}, 2, "did you mean euler?"},
      {{"-p", "caf\xe9"}, 2, "--prompt \"caf\\xe9\": should be text in UTF-8"},
      {{"-p", "x", "-o", (scratch / "x.bmp").string()}, 2, ".png"},
      {{"-p", "x", "-o", (scratch / "x_%q.png").string()}, 2, "%"},
      {{"-p", "x", "-o", nowhere}, 7, "there is no folder"},
      {{"-p", "x", "-o", (scratch / "file/x.png").string()}, 7, "there is no folder"},
      {{"-p", "x", "-o", out, "-m", (scratch / "missing").string()}, 3, "missing"},
      {{"-p", "x", "-o", out, "-m", (scratch / "empty").string()}, 3, "model_index.json"},
      {{"-p", "x", "-o", out, "-m", (scratch / "file").string()}, 3, "file"},
      {{"inspect", (scratch / "missing").string()}, 2, "there is no file"},
      {{"inspect", (scratch / "file").string()}, 3, "file"},
      {{"inspect", "/dev/null"}, 2, "not a regular file"},
      {{"-p", "x", "-o", out, "--preview", "every:1:taesd"}, 2, "--taesd"},
      {{"tokenize"}, 2, "tokenize needs one text"},
      {{"tokenize", "caf\xe9"}, 2, "UTF-8"},
      {{"help", "paint"}, 2, "unknown command"},
  };
  for (const Case& c : cases) {
    const Finished done = run(c.words);
    EXPECT_EQ(done.code, c.code) << done.err;
    EXPECT_EQ(done.out, "");
    EXPECT_TRUE(done.err.starts_with("imagent: ")) << done.err;
    EXPECT_NE(done.err.find(c.says), std::string::npos) << done.err;
    EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
  }
  EXPECT_FALSE(fs::exists(out));
}

TEST(Program, StandardOutputCarriesResultsOnly) {
  const Scratch scratch;
  const std::string out = (scratch / "x.png").string();
  const Finished done = run(draw(out, {"-vv"}));
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, out + " seed 5\n");
  EXPECT_NE(done.err.find("denoise"), std::string::npos);
  EXPECT_EQ(done.err.find('\x1b'), std::string::npos);
  const Finished quiet = run(draw(out, {"-q"}));
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(quiet.out, out + " seed 5\n");
}

TEST(Program, RandomSeedsArePrinted) {
  const Scratch scratch;
  const Finished done = run(draw(scratch / "x.png", {"-s", "-1", "--steps", "1"}));
  const size_t at = done.out.find(" seed ");
  ASSERT_NE(at, std::string::npos) << done.err;
  EXPECT_GE(std::stoll(done.out.substr(at + 6)), 0);
}

TEST(Program, JsonIsOneObjectAPicture) {
  const Scratch scratch;
  const Finished done = run(draw(scratch / "x_%d.png", {"--json", "-b", "2", "--count", "2", "-q"}));
  ASSERT_EQ(done.code, 0) << done.err;
  std::istringstream lines(done.out);
  std::vector<nlohmann::ordered_json> objects;
  for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::ordered_json::parse(line));
  ASSERT_EQ(objects.size(), 4u);
  const Words keys = {"path", "seed", "width", "height", "steps", "sampler", "scheduler", "guidance", "model", "timings", "peak_rss_mb"};
  const Words timings = {"load_s", "text_s", "denoise_s", "step_s", "decode_s", "total_s"};
  for (size_t i = 0; i < 4; ++i) {
    Words found;
    for (const auto& [key, value] : objects[i].items()) found.push_back(key);
    EXPECT_EQ(found, keys);
    found.clear();
    for (const auto& [key, value] : objects[i]["timings"].items()) found.push_back(key);
    EXPECT_EQ(found, timings);
    EXPECT_EQ(objects[i]["seed"], 5 + i);
    EXPECT_EQ(objects[i]["steps"], 2);
    EXPECT_EQ(objects[i]["timings"]["step_s"].size(), 2u);
    EXPECT_EQ(objects[i]["path"], (scratch / ("x_" + std::to_string(i) + ".png")).string());
    EXPECT_TRUE(fs::exists(scratch / ("x_" + std::to_string(i) + ".png")));
  }
}

TEST(Program, TheSamePictureByEveryRoute) {
  const Scratch scratch;
  ASSERT_EQ(run(draw(scratch / "a.png")).code, 0);
  const std::string picture = read_text(scratch / "a.png");

  const Finished piped = run(draw("-"));
  EXPECT_EQ(piped.out, picture) << "to standard output";
  EXPECT_NE(piped.err.find("- seed 5\n"), std::string::npos);

  ASSERT_EQ(run(draw(scratch / "b.png", {"-p", "-"}), {.input = "a red house\n"}).code, 0);
  EXPECT_EQ(read_text(scratch / "b.png"), picture) << "prompt from standard input";

  ASSERT_EQ(run(draw(scratch / "c.png", {"--preview", "every:1:latent"})).code, 0);
  EXPECT_EQ(read_text(scratch / "c.png"), picture) << "with previews";
  EXPECT_TRUE(fs::exists(scratch / "c.preview.png"));

  ASSERT_EQ(run(draw(scratch / "d.png", {"--threads", "1"})).code, 0);
  EXPECT_EQ(read_text(scratch / "d.png"), picture) << "with one thread";

  ASSERT_EQ(run({"-o", (scratch / "e.png").string()}, {.variables = {{"IMAGENT_PROMPT", "a red house"}, {"IMAGENT_WIDTH", "64"}, {"IMAGENT_HEIGHT", "64"},
                                                                     {"IMAGENT_STEPS", "2"}, {"IMAGENT_SEED", "5"}}}).code, 0);
  EXPECT_EQ(read_text(scratch / "e.png"), picture) << "by the environment";
}

TEST(Program, PicturesCarryTheirParameters) {
  const Scratch scratch;
  for (const std::string name : {"x.png", "x.jpg", "x.webp"}) {
    ASSERT_EQ(run(draw(scratch / name)).code, 0);
    const Finished shown = run({"inspect", "--json", (scratch / name).string()});
    ASSERT_EQ(shown.code, 0) << shown.err;
    const auto report = nlohmann::json::parse(shown.out);
    EXPECT_EQ(report["prompt"], "a red house");
    EXPECT_EQ(report["fields"]["Seed"], "5");
    EXPECT_EQ(report["width"], 64);
  }
  ASSERT_EQ(run(draw(scratch / "bare.png", {"--no-metadata"})).code, 0);
  EXPECT_EQ(read_text(scratch / "bare.png").find("red house"), std::string::npos);
}

TEST(Program, APictureIsDrawnAgainFromItsFile) {
  const Scratch scratch;
  ASSERT_EQ(run(draw(scratch / "a_%d.png", {"-b", "2", "-n", "", "--guidance-rescale", "0.3", "--sampler", "dpmpp_2m", "--scheduler", "karras", "--compat", "a1111"})).code, 0);
  for (const std::string name : {"a_0.png", "a_1.png"}) {
    const Finished again = run({"txt2img", "--from", (scratch / name).string(), "-o", (scratch / "b.png").string()});
    ASSERT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(read_text(scratch / "b.png"), read_text(scratch / name)) << name;
    EXPECT_EQ(again.err.find("--from"), std::string::npos) << again.err;
  }
  ASSERT_EQ(run({"--from", (scratch / "a_0.png").string(), "-s", "9", "-o", (scratch / "c.png").string()}).code, 0);
  EXPECT_NE(read_text(scratch / "c.png"), read_text(scratch / "a_0.png")) << "flags come before the picture";

  ASSERT_EQ(run(draw(scratch / "bare.png", {"--no-metadata"})).code, 0);
  const Finished bare = run({"--from", (scratch / "bare.png").string(), "-o", (scratch / "d.png").string()});
  EXPECT_EQ(bare.code, 2);
  EXPECT_NE(bare.err.find("does not say how it was made"), std::string::npos) << bare.err;
}

TEST(Program, LatentsAreSaved) {
  const Scratch scratch;
  ASSERT_EQ(run(draw(scratch / "x_%d.png", {"-b", "2", "--save-latents", (scratch / "l.safetensors").string()})).code, 0);
  const Array latents = Arrays(scratch / "l.safetensors")["latents"];
  ASSERT_EQ(latents.shape.rank(), 4);
  EXPECT_EQ(latents.shape[0], 2);
  EXPECT_EQ(latents.values.size(), static_cast<size_t>(latents.shape.numel()));
  EXPECT_GT(max_abs_difference(latents.values, std::vector<float>(latents.values.size())), 0.1);
}

TEST(Program, FullOrClosedStandardOutputIsExitCode7) {
  EXPECT_EQ(run({"version"}, {.output = "/dev/full"}).code, 7);
  EXPECT_EQ(run({"version"}, {.output = "-"}).code, 7);
  const Scratch scratch;
  const Finished done = run(draw(scratch / "x.png", {"-q"}), {.output = "-"});
  EXPECT_EQ(done.code, 7);
  EXPECT_TRUE(fs::exists(scratch / "x.png"));
}

TEST(Program, DamagedWeightsAreExitCode3) {
  const Scratch scratch;
  fs::copy(source_dir() / "models/demo", scratch / "model", fs::copy_options::recursive);
  const fs::path weights = scratch / "model/unet/diffusion_pytorch_model.safetensors";
  fs::resize_file(weights, fs::file_size(weights) / 2);
  const Finished done = run(draw(scratch / "x.png", {"-m", (scratch / "model").string()}));
  EXPECT_EQ(done.code, 3);
  EXPECT_NE(done.err.find("diffusion_pytorch_model.safetensors"), std::string::npos) << done.err;
  EXPECT_FALSE(fs::exists(scratch / "x.png"));

  fs::remove(weights);
  fs::create_directory(weights);
  EXPECT_EQ(run(draw(scratch / "x.png", {"-m", (scratch / "model").string()})).code, 3) << "a folder where weights should be";
  fs::remove(weights);
  ASSERT_EQ(mkfifo(weights.c_str(), 0600), 0);
  EXPECT_EQ(run(draw(scratch / "x.png", {"-m", (scratch / "model").string()})).code, 3) << "a pipe that nobody writes to";
}

TEST(Program, CtrlCLeavesNoFile) {
  const Scratch scratch;
  fs::create_directory(scratch / "out");
  Process process(draw(scratch / "out/x.png", {"--steps", "1000", "--progress", "json"}));
  ASSERT_TRUE(process.wait_for_error("\"step\":1,", 120));
  process.signal(SIGINT);
  const Finished done = process.finish();
  EXPECT_EQ(done.code, 130) << done.err;
  EXPECT_EQ(done.out, "");
  EXPECT_NE(done.err.find("imagent: cancelled\n"), std::string::npos) << first_line(done.err);
  EXPECT_EQ(files_in(scratch / "out"), 0u);
}

TEST(Program, HelpAndVersion) {
  for (const Words& words : {Words{}, {"help"}, {"--help"}, {"-h"}, {"help", "txt2img"}, {"txt2img", "--help"}, {"generate", "-h"}, {"help", "bench"}}) {
    const Finished done = run(words);
    EXPECT_EQ(done.code, 0);
    EXPECT_NE(done.out.find("Usage: imagent"), std::string::npos);
    EXPECT_EQ(done.err, "");
  }
  EXPECT_TRUE(run({"version"}).out.starts_with("imagent "));
  EXPECT_EQ(run({"--version"}).out, run({"version"}).out);
  const auto doctor = nlohmann::json::parse(run({"doctor", "--json"}).out);
  EXPECT_TRUE(doctor["devices"].is_array());
  EXPECT_GE(doctor["cores"].get<int>(), 1);
}

TEST(Program, TokenizeIsStable) {
  const auto one = nlohmann::json::parse(run({"tokenize", "-m", golden("models/sd15").string(), "--json", "a (red:1.5) house"}).out);
  EXPECT_EQ(one["ids"].size(), one["pieces"].size());
  ASSERT_EQ(one["chunks"].size(), 1u);
  EXPECT_EQ(one["chunks"][0]["ids"].size(), 77u);
  EXPECT_EQ(one["chunks"][0]["weights"][2], 1.5);
  const auto two = nlohmann::json::parse(run({"tokenize", "-m", golden("models/sdxl").string(), "--json", "-"}, {.input = "a house"}).out);
  EXPECT_EQ(two.size(), 2u);
}

}  // namespace
}  // namespace imagent::test
