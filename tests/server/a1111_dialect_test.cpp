// The AUTOMATIC1111 web UI's dialect, with the bodies that its real clients send (recorded shapes of Open WebUI, SillyTavern,
// LibreChat, Blender AI-Render, a1111-webui-api).
#include <gtest/gtest.h>

#include "image/codec.h"
#include "sampling/samplers.h"
#include "server/base64.h"
#include "server/test_server.h"

namespace imagent::test {
namespace {

using nlohmann::json;

class A1111 : public OneServer<A1111> {};

TEST_F(A1111, OpenWebUiSetsTheModelThenDraws) {
  json options = get(server(), "/sdapi/v1/options").body;
  EXPECT_EQ(options.at("samples_format"), "png");
  EXPECT_FALSE(options.contains("forge_preset"));
  const json models = get(server(), "/sdapi/v1/sd-models").body;
  options["sd_model_checkpoint"] = models.at(0).at("title");
  const Answer posted = post(server(), "/sdapi/v1/options", options, {{"authorization", ""}});
  EXPECT_EQ(posted.status, 200);
  EXPECT_TRUE(posted.body.is_null());
  const Answer answer = post(server(), "/sdapi/v1/txt2img", {{"prompt", "a fox"}, {"batch_size", 1}, {"width", 64}, {"height", 64}, {"steps", 2}}, {{"authorization", ""}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(picture_of(answer.body.at("images").at(0)).width, 64);
  EXPECT_TRUE(answer.body.at("info").is_string());
}

TEST_F(A1111, SillyTavernWithItsUnknownKeys) {
  for (const char* list : {"upscalers", "latent-upscale-modes", "sd-vae", "sd-modules", "samplers", "schedulers", "sd-models"}) {
    const Answer answer = get(server(), std::string("/sdapi/v1/") + list);
    EXPECT_EQ(answer.status, 200) << list;
    EXPECT_TRUE(answer.body.is_array()) << list;
  }
  const Answer answer = post(server(), "/sdapi/v1/txt2img",
                             {{"url", "http://localhost:7860"}, {"auth", ""}, {"prompt", "a fox"}, {"negative_prompt", "blurry"}, {"sampler_name", "DPM++ 2M"}, {"scheduler", "karras"},
                              {"steps", 2}, {"cfg_scale", 7}, {"width", 64}, {"height", 64}, {"restore_faces", false}, {"enable_hr", false}, {"hr_upscaler", "Latent"}, {"hr_scale", 2},
                              {"denoising_strength", 0.7}, {"hr_second_pass_steps", 0}, {"seed", 5}, {"override_settings", {{"CLIP_stop_at_last_layers", 1}}},
                              {"override_settings_restore_afterwards", true}, {"clip_skip", 1}, {"save_images", true}, {"send_images", true}, {"do_not_save_grid", false}, {"do_not_save_samples", false}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(eventually([&] {
    const json progress = get(server(), "/sdapi/v1/progress").body;
    return progress.at("progress") == 0 && progress.at("state").at("job_count") == 0;
  }));
}

TEST_F(A1111, LibreChatReadsTheInfoString) {
  const Answer answer = post(server(), "/sdapi/v1/txt2img", {{"prompt", "a fox"}, {"negative_prompt", "blurry"}, {"cfg_scale", 4.5}, {"steps", 2}, {"width", 64}, {"height", 64}, {"seed", 11}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json info = json::parse(answer.body.at("info").get<std::string>());
  EXPECT_EQ(info.at("seed"), 11);
  EXPECT_EQ(info.at("width"), 64);
  EXPECT_EQ(info.at("cfg_scale"), 4.5);
  EXPECT_EQ(info.at("sampler_name"), "Euler");
  EXPECT_NE(info.at("infotexts").at(0).get<std::string>().find("Steps: 2, Sampler: Euler"), std::string::npos) << info;
  EXPECT_FALSE(answer.body.at("images").at(0).get<std::string>().starts_with("data:"));
  EXPECT_EQ(answer.headers.count("X-Process-Time"), 1u);
}

TEST_F(A1111, TheNpmClientsNullsAndEmptyControlNet) {
  const json body = {{"prompt", "a fox"}, {"steps", 2}, {"width", 64}, {"height", 64}, {"hr_prompt", nullptr}, {"hr_negative_prompt", nullptr}, {"sampler_name", nullptr}, {"seed", -1},
                     {"subseed", -1}, {"eta", 1}, {"s_tmax", 0}, {"styles", json::array()}, {"script_name", nullptr}, {"script_args", json::array()}, {"negative_prompt", nullptr},
                     {"alwayson_scripts", {{"ControlNet", {{"args", json::array()}}}}}, {"use_deprecated_controlnet", false}, {"image_cfg_scale", 1.5}, {"n_iter", 2}, {"batch_size", 1}};
  const Answer answer = post(server(), "/sdapi/v1/txt2img", body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  ASSERT_EQ(answer.body.at("images").size(), 2u);
  const json info = json::parse(answer.body.at("info").get<std::string>());
  EXPECT_EQ(info.at("all_seeds").at(1).get<int64_t>(), info.at("all_seeds").at(0).get<int64_t>() + 1) << "seeds count on over batches";
}

TEST_F(A1111, SamplersByAnyNameAndTheTextsThatClientsCompare) {
  const json small_body = {{"prompt", "x"}, {"steps", 2}, {"width", 64}, {"height", 64}};
  const auto with = [&](const char* path, json more) {
    json body = small_body;
    body.update(more);
    return post(server(), path, body);
  };
  EXPECT_EQ(with("/sdapi/v1/txt2img", {{"sampler_name", "DPM++ 2M Karras"}}).status, 200);
  EXPECT_EQ(with("/sdapi/v1/txt2img", {{"sampler_index", "Euler a"}}).status, 200);
  const Answer unknown = with("/sdapi/v1/txt2img", {{"sampler_name", "Brush"}});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body.at("detail"), "Sampler not found");
  const Answer no_image = with("/sdapi/v1/img2img", {{"sampler_index", "Euler"}});
  EXPECT_EQ(no_image.status, 404);
  EXPECT_EQ(no_image.body.at("detail"), "Init image not found");
  EXPECT_EQ(get(server(), "/sdapi/v1/nothing").body.at("detail"), "Not Found");
  EXPECT_EQ(with("/sdapi/v1/txt2img", {{"alwayson_scripts", {{"Dynamo", json::object()}}}}).status, 422);
  EXPECT_EQ(with("/sdapi/v1/txt2img", {{"override_settings", {{"sd_model_checkpoint", "../x"}}}}).status, 404);
  EXPECT_EQ(post(server(), "/sdapi/v1/options", {{"sd_model_checkpoint", "nothing"}}).status, 500);
}

TEST_F(A1111, AiRenderAndInpaintingSendPictures) {
  Image grey(64, 64, 3), mask(64, 64, 4);
  for (uint8_t& value : grey.pixels) value = 128;
  for (int x = 0; x < 64; ++x) mask.at(x, 0)[3] = 255;
  const std::string picture = server::base64_encode(encode_image(grey));
  json body = {{"prompt", "x"}, {"init_images", {picture}}, {"sampler_index", "Euler"}, {"steps", 4}, {"width", 64}, {"height", 64}, {"denoising_strength", 0.5}, {"cfg_scale", 7},
               {"image_cfg_scale", 1.5}, {"resize_mode", 0}, {"seed", 1}};
  const Answer render = post(server(), "/sdapi/v1/img2img", body);
  ASSERT_EQ(render.status, 200) << render.body;
  EXPECT_TRUE(render.body.at("parameters").at("init_images").is_null());
  EXPECT_EQ(json::parse(render.body.at("info").get<std::string>()).at("denoising_strength"), 0.5);
  body.update({{"mask", server::base64_encode(encode_image(mask))}, {"inpainting_fill", 1}, {"inpaint_full_res", false}, {"mask_blur", 0}, {"inpainting_mask_invert", 0}});
  const Answer inpaint = post(server(), "/sdapi/v1/img2img", body);
  ASSERT_EQ(inpaint.status, 200) << inpaint.body;
  EXPECT_EQ(*picture_of(inpaint.body.at("images").at(0)).at(30, 60), 128) << "outside the alpha channel's mask";
  body["init_images"] = {"aGVsbG8="};
  EXPECT_EQ(post(server(), "/sdapi/v1/img2img", body).status, 422);
}

TEST_F(A1111, EachOfABatchMayHaveItsOwnPicture) {
  Image dark(64, 64, 3), light(64, 64, 3);
  for (uint8_t& value : dark.pixels) value = 60;
  for (uint8_t& value : light.pixels) value = 200;
  const std::string pictures[] = {server::base64_encode(encode_image(dark)), server::base64_encode(encode_image(light))};
  const auto drawn = [&](const json& images, int64_t seed, int batch) {
    return post(server(), "/sdapi/v1/img2img", {{"prompt", "x"}, {"init_images", images}, {"batch_size", batch}, {"steps", 4}, {"width", 64}, {"height", 64}, {"denoising_strength", 0.5}, {"seed", seed}});
  };
  const Answer both = drawn({pictures[0], pictures[1]}, 5, 4);  // the web UI then draws as many as there are
  ASSERT_EQ(both.status, 200) << both.body;
  ASSERT_EQ(both.body.at("images").size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const Answer alone = drawn({pictures[i]}, 5 + i, 1);
    EXPECT_EQ(picture_of(both.body.at("images").at(static_cast<size_t>(i))).pixels, picture_of(alone.body.at("images").at(0)).pixels) << i;
  }
  EXPECT_EQ(drawn({pictures[0], pictures[1]}, 5, 1).status, 422);
  EXPECT_EQ(drawn({pictures[0], 7}, 5, 2).status, 422);
}

TEST_F(A1111, EveryListedSamplerAndScheduleIsOne) {
  for (const json& entry : get(server(), "/sdapi/v1/samplers").body) {
    EXPECT_NO_THROW(find_sampler(entry.at("name").get<std::string>()));
    EXPECT_NO_THROW(find_sampler(entry.at("aliases").at(0).get<std::string>())) << entry;
  }
  for (const json& entry : get(server(), "/sdapi/v1/schedulers").body) EXPECT_NO_THROW(find_schedule(entry.at("name").get<std::string>())) << entry;
}

TEST_F(A1111, ProgressAndInterruptAnswerWhileAPictureIsDrawn) {
  Answer drawn;
  std::thread caller([&] { drawn = post(server(), "/sdapi/v1/txt2img", {{"prompt", "x"}, {"steps", 150}, {"width", 384}, {"height", 384}}); });
  json progress;
  const bool seen = eventually([&] {
    progress = get(server(), "/sdapi/v1/progress").body;
    return progress.at("state").at("sampling_step") >= 1;
  });
  EXPECT_TRUE(seen);
  EXPECT_EQ(progress.at("state").at("sampling_steps"), 150);
  EXPECT_EQ(progress.at("state").at("job_count"), 1);
  EXPECT_GT(progress.at("progress"), 0);
  EXPECT_TRUE(get(server(), "/sdapi/v1/progress?skip_current_image=true").body.at("current_image").is_null());
  EXPECT_TRUE(eventually([&] { return get(server(), "/sdapi/v1/progress").body.at("current_image").is_string(); })) << "a preview";
  const Answer stopped = post_text(server(), "/sdapi/v1/interrupt", "");
  EXPECT_EQ(stopped.status, 200);
  EXPECT_EQ(stopped.body, json::object());
  caller.join();
  ASSERT_EQ(drawn.status, 200) << drawn.body;
  EXPECT_EQ(picture_of(drawn.body.at("images").at(0)).width, 384) << "the picture as it was";
  EXPECT_EQ(get(server(), "/sdapi/v1/progress").body.at("progress"), 0);
}

TEST_F(A1111, SkipEndsOneBatchAndInterruptAll) {
  for (const auto& [order, pictures] : {std::pair{"/sdapi/v1/skip", 2u}, {"/sdapi/v1/interrupt", 1u}}) {
    Answer drawn;
    std::thread caller([&] { drawn = post(server(), "/sdapi/v1/txt2img", {{"prompt", "x"}, {"steps", 150}, {"width", 128}, {"height", 128}, {"n_iter", 2}, {"seed", 5}}); });
    EXPECT_TRUE(eventually([&] { return get(server(), "/sdapi/v1/progress?skip_current_image=true").body.at("state").at("sampling_step") >= 1; }));
    EXPECT_EQ(post_text(server(), order, "").status, 200);
    caller.join();
    ASSERT_EQ(drawn.status, 200) << drawn.body;
    EXPECT_EQ(drawn.body.at("images").size(), pictures) << order;
  }
}

// As FastAPI says what is wrong with a body.
TEST_F(A1111, WrongBodiesAreTold) {
  const Answer wrong = post(server(), "/sdapi/v1/txt2img", {{"prompt", "x"}, {"steps", "many"}});
  EXPECT_EQ(wrong.status, 422);
  ASSERT_TRUE(wrong.body.at("detail").is_array()) << wrong.body;
  EXPECT_EQ(wrong.body.at("detail").at(0).at("loc"), (json{"body", "steps"})) << wrong.body;
  EXPECT_TRUE(wrong.body.at("detail").at(0).at("msg").is_string());
  EXPECT_EQ(wrong.body.at("detail").at(0).at("type"), "value_error");
  const Answer text = post_text(server(), "/sdapi/v1/txt2img", "{");
  EXPECT_EQ(text.status, 422);
  EXPECT_EQ(text.body.at("detail").at(0).at("loc"), json{"body"}) << text.body;
  EXPECT_EQ(post(server(), "/sdapi/v1/txt2img", {{"prompt", "x"}, {"enable_hr", true}, {"hr_checkpoint_name", "another"}}).status, 501);
}

TEST_F(A1111, SettingsOfARequestCount) {
  const auto drawn = [&](json settings) {
    return post(server(), "/sdapi/v1/txt2img", {{"prompt", "x"}, {"steps", 2}, {"width", 64}, {"height", 64}, {"seed", 4}, {"sampler_name", "Euler a"}, {"override_settings", settings}}).body;
  };
  const json plain = drawn(json::object());
  EXPECT_NE(drawn({{"eta_noise_seed_delta", 31337}}).at("images"), plain.at("images"));
  EXPECT_NE(drawn({{"CLIP_stop_at_last_layers", 2}}).at("images"), plain.at("images"));
  EXPECT_NE(drawn({{"randn_source", "CPU"}}).at("images"), plain.at("images"));
  const std::string stamp = json::parse(plain.at("info").get<std::string>()).at("job_timestamp");
  EXPECT_EQ(stamp.size(), 14u);
  EXPECT_TRUE(stamp.starts_with("20")) << stamp;
}

// Each pass is a job of the progress, as in the web UI.
TEST_F(A1111, ProgressCountsTheHiresPass) {
  Answer drawn;
  std::thread caller([&] {
    drawn = post(server(), "/sdapi/v1/txt2img", {{"prompt", "x"}, {"steps", 150}, {"width", 64}, {"height", 64}, {"n_iter", 2}, {"enable_hr", true}, {"hr_scale", 6}, {"hr_second_pass_steps", 150}});
  });
  json state;
  EXPECT_TRUE(eventually([&] {
    state = get(server(), "/sdapi/v1/progress?skip_current_image=true").body.at("state");
    return state.at("job_no") == 1 && state.at("sampling_step") >= 1;
  })) << state;
  EXPECT_EQ(state.at("job_count"), 4);
  EXPECT_EQ(state.at("job"), "Batch 1 out of 2");
  post_text(server(), "/sdapi/v1/interrupt", "");
  caller.join();
  EXPECT_EQ(drawn.status, 200) << drawn.body;
}

TEST_F(A1111, MetadataComesBackOutOfAPicture) {
  const Answer answer = post(server(), "/sdapi/v1/txt2img", {{"prompt", "a fox, (red:1.2)"}, {"steps", 2}, {"width", 64}, {"height", 64}, {"seed", 3}});
  const std::string image = answer.body.at("images").at(0);
  for (const std::string& form : {image, "data:image/png;base64," + image}) {
    const Answer info = post(server(), "/sdapi/v1/png-info", {{"image", form}});
    ASSERT_EQ(info.status, 200) << info.body;
    EXPECT_EQ(info.body.at("parameters").at("Seed"), "3");
    EXPECT_EQ(info.body.at("parameters").at("Prompt"), "a fox, (red:1.2)");
  }
  const Answer again = post(server(), "/sdapi/v1/txt2img", {{"infotext", json::parse(answer.body.at("info").get<std::string>()).at("infotexts").at(0)}});
  ASSERT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(picture_of(again.body.at("images").at(0)), picture_of(image)) << "an infotext draws its picture again";
  for (const char* garbage : {"", "!!!", "aGVsbG8="}) EXPECT_EQ(post(server(), "/sdapi/v1/png-info", {{"image", garbage}}).status, 422) << garbage;
}

TEST_F(A1111, ExtrasMakePicturesLarger) {
  const std::string image = server::base64_encode(encode_image(Image(20, 10, 3)));
  const auto size = [&](json body) {
    body["image"] = image;
    const Answer answer = post(server(), "/sdapi/v1/extra-single-image", body);
    if (answer.status != 200) return std::pair{answer.status, 0};
    const Image large = picture_of(answer.body.at("image"));
    return std::pair{large.width, large.height};
  };
  EXPECT_EQ(size({}), (std::pair{20, 10}));
  EXPECT_EQ(size({{"upscaler_1", "Lanczos"}, {"upscaling_resize", 2}}), (std::pair{40, 20}));
  EXPECT_EQ(size({{"upscaler_1", "Nearest"}, {"resize_mode", 1}, {"upscaling_resize_w", 30}, {"upscaling_resize_h", 30}}), (std::pair{30, 30}));
  EXPECT_EQ(size({{"upscaler_1", "Brush"}}).first, 422);
  EXPECT_EQ(size({{"upscaler_1", "Lanczos"}, {"upscaling_resize", 1e9}}).first, 422);
  const Answer batch = post(server(), "/sdapi/v1/extra-batch-images", {{"imageList", {{{"data", image}, {"name", "a"}}, {{"data", image}, {"name", "b"}}}}, {"upscaler_1", "Lanczos"}});
  EXPECT_EQ(batch.body.at("images").size(), 2u) << batch.body;
}

TEST_F(A1111, WhatClientsAskForAtTheirStartIsThere) {
  for (const char* path : {"/sdapi/v1/cmd-flags", "/sdapi/v1/loras", "/sdapi/v1/embeddings", "/sdapi/v1/memory", "/sdapi/v1/hypernetworks", "/sdapi/v1/face-restorers", "/sdapi/v1/realesrgan-models",
                           "/sdapi/v1/prompt-styles", "/sdapi/v1/scripts", "/sdapi/v1/script-info", "/sdapi/v1/extensions", "/controlnet/model_list", "/controlnet/module_list",
                           "/controlnet/version", "/internal/ping"})
    EXPECT_EQ(get(server(), path).status, 200) << path;
  for (const char* path : {"/sdapi/v1/refresh-checkpoints", "/sdapi/v1/refresh-loras", "/sdapi/v1/unload-checkpoint", "/sdapi/v1/reload-checkpoint", "/sdapi/v1/skip"})
    EXPECT_EQ(post_text(server(), path, "").status, 200) << path;
  EXPECT_EQ(post(server(), "/sdapi/v1/interrogate", {{"image", ""}, {"model", "clip"}}).body.at("detail"), "Model not found");
}

}  // namespace
}  // namespace imagent::test
