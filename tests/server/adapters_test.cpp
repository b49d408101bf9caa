// ControlNets, T2I-Adapters and IP-Adapters of a server: imagent's own fields, and the units of the AUTOMATIC1111 web UI's extension.
#include <gtest/gtest.h>

#include "image/canny.h"
#include "image/compose.h"
#include "server/toy_models.h"

namespace imagent::test {
namespace {

class Adapters : public ToyModels<Adapters> {};

TEST_F(Adapters, ModesAndRegionsOfControls) {
  const std::string plain = drawn(server(), toy()), led = drawn(server(), toy(control()));
  EXPECT_EQ(drawn(server(), toy(control({{"region", region(255, 255)}}))), led);
  for (const char* name : {"region", "mask", "effective_region_mask"}) EXPECT_EQ(drawn(server(), toy(control({{name, region(0, 0)}}))), plain) << name;
  const std::string half = drawn(server(), toy(control({{"region", region(0, 255)}})));
  EXPECT_NE(half, led);
  EXPECT_NE(half, plain);
  EXPECT_EQ(drawn(server(), toy(control({{"mode", "balanced"}}))), led);
  EXPECT_EQ(drawn(server(), toy(control({{"mode", "control"}}))), drawn(server(), toy(control({{"guess", true}}))));
  EXPECT_NE(drawn(server(), toy(control({{"mode", "prompt"}}))), led);
  EXPECT_EQ(post(server(), "/txt2img", toy(control({{"mode", "both"}}))).status, 400);
  EXPECT_EQ(post(server(), "/txt2img", toy(control({{"region", 1}}))).status, 400);
  EXPECT_EQ(post(server(), "/txt2img", toy(control({{"region", "!!"}}))).status, 422);
}

TEST_F(Adapters, PicturesAsPrompts) {
  const auto adapter = [](json more = json::object()) {
    json unit = {{"model", "ip"}, {"image", hint()}};
    unit.update(more);
    return json{{"ip_adapters", json::array({unit})}};
  };
  const std::string plain = drawn(server(), toy()), prompted = drawn(server(), toy(adapter()));
  EXPECT_NE(prompted, plain);
  EXPECT_EQ(drawn(server(), toy(adapter({{"strength", 0}}))), plain);
  EXPECT_EQ(drawn(server(), toy(adapter({{"region", region(0, 0)}}))), plain);
  EXPECT_NE(drawn(server(), toy(adapter({{"region", region(255, 0)}}))), prompted);
  EXPECT_NE(drawn(server(), toy(adapter({{"end", 0.4}}))), prompted);
  json both = adapter();
  both.update(control());
  EXPECT_NE(drawn(server(), toy(both)), prompted);
  EXPECT_EQ(drawn(server(), toy(adapter())), prompted) << "nothing stays";
  for (const char* name : {"edges", "nothing", "../ip", "image_encoder"}) EXPECT_EQ(post(server(), "/txt2img", toy(adapter({{"model", name}}))).status, 404) << name;
  EXPECT_EQ(post(server(), "/txt2img", toy(control({{"model", "ip"}}))).status, 404) << "it is no ControlNet";
  EXPECT_EQ(post(server(), "/txt2img", toy(adapter({{"encoder", "image_encoder"}}))).status, 400) << "files are not named";
  EXPECT_EQ(post(server(), "/txt2img", toy({{"ip_adapters", {{{"model", "ip"}}}}})).status, 400) << "no picture";
}

TEST_F(Adapters, T2IAdaptersAreControls) {
  const std::string plain = drawn(server(), toy()), led = drawn(server(), toy(control({{"model", "sketch"}})));
  EXPECT_NE(led, plain);
  EXPECT_EQ(drawn(server(), toy(control({{"model", "sketch"}, {"region", region(0, 0)}}))), plain);
}

TEST_F(Adapters, TheControlNetExtensionsUnits) {
  const Answer plain = post(server(), "/sdapi/v1/txt2img", webui());
  EXPECT_EQ(plain.body.at("images").size(), 1u);
  const Answer off = post(server(), "/sdapi/v1/txt2img", webui(units({{"enabled", false}, {"model", "nothing"}})));
  EXPECT_EQ(off.body.at("images"), plain.body.at("images"));
  for (const char* name : {"image", "input_image"}) {
    const Answer led = post(server(), "/sdapi/v1/txt2img", webui(units({{name, "data:image/png;base64," + hint()}, {"model", "edges [d14c016b]"}, {"module", "none"}, {"resize_mode", "Just Resize"}})));
    ASSERT_EQ(led.status, 200) << led.body;
    ASSERT_EQ(led.body.at("images").size(), 2u) << "and what it looked at";
    EXPECT_NE(led.body.at("images").at(0), plain.body.at("images").at(0));
    EXPECT_EQ(picture_of(led.body.at("images").at(1)).width, 64);
  }
  const json recorded = {{"enabled", true}, {"module", "canny"}, {"model", "edges"}, {"weight", 0.7}, {"image", {{"image", hint()}, {"mask", nullptr}}}, {"mask", nullptr},
                         {"resize_mode", 1}, {"low_vram", false}, {"processor_res", 64}, {"threshold_a", 50}, {"threshold_b", 120}, {"guidance_start", 0.0}, {"guidance_end", 0.8},
                         {"control_mode", "ControlNet is more important"}, {"pixel_perfect", false}};
  const Answer edges = post(server(), "/sdapi/v1/txt2img", webui(units(recorded)));
  ASSERT_EQ(edges.status, 200) << edges.body;
  EXPECT_EQ(picture_of(edges.body.at("images").at(1)), canny_edges(to_rgb(picture_of(hint())), {50, 120})) << "64 pixels are its own size";
  const Answer again = post(server(), "/sdapi/v1/txt2img", webui());
  EXPECT_EQ(again.body.at("images"), plain.body.at("images"));
}

TEST_F(Adapters, TheExtensionsModesAndRegions) {
  const auto drawn_with = [&](json more) {  // the pixels: the parameters in the files differ
    json unit = {{"model", "edges"}, {"image", hint()}};
    unit.update(more);
    const Answer answer = post(server(), "/sdapi/v1/txt2img", webui(units(unit)));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.status == 200 ? picture_of(answer.body.at("images").at(0)) : Image();
  };
  const Image balanced = drawn_with({{"control_mode", 0}}), prompt = drawn_with({{"control_mode", 1}}), control = drawn_with({{"control_mode", 2}});
  EXPECT_EQ(drawn_with({{"control_mode", "Balanced"}}), balanced);
  EXPECT_EQ(drawn_with({{"control_mode", "My prompt is more important"}}), prompt);
  EXPECT_EQ(drawn_with({{"control_mode", "ControlNet is more important"}}), control);
  EXPECT_NE(prompt, balanced);
  EXPECT_NE(control, prompt);
  const Image plain = picture_of(post(server(), "/sdapi/v1/txt2img", webui()).body.at("images").at(0));
  EXPECT_EQ(drawn_with({{"effective_region_mask", region(0, 0)}}), plain);
  EXPECT_EQ(drawn_with({{"mask", "data:image/png;base64," + region(255, 255)}}), balanced);
  EXPECT_EQ(drawn_with({{"image", {{"image", hint()}, {"mask", region(0, 0)}}}}), plain);
  EXPECT_EQ(drawn_with({{"mask", region(0, 0)}, {"effective_region_mask", region(255, 255)}}), balanced);
}

TEST_F(Adapters, TheExtensionsIpAdapters) {
  const json plain = post(server(), "/sdapi/v1/txt2img", webui()).body.at("images");
  json unit = {{"model", "ip [0123abcd]"}, {"module", "ip-adapter_clip_sd15"}, {"image", hint()}, {"weight", 0.8}, {"control_mode", 2}, {"resize_mode", 1}, {"processor_res", 512}};
  const Answer prompted = post(server(), "/sdapi/v1/txt2img", webui(units(unit)));
  ASSERT_EQ(prompted.status, 200) << prompted.body;
  ASSERT_EQ(prompted.body.at("images").size(), 1u) << "it draws no map";
  EXPECT_NE(prompted.body.at("images"), plain);
  EXPECT_NE(json::parse(prompted.body.at("info").get<std::string>()).at("infotexts").at(0).get<std::string>().find("IP-Adapter 0: \"Model: ip, Weight: 0.8"), std::string::npos);
  unit["effective_region_mask"] = region(0, 0);
  EXPECT_EQ(picture_of(post(server(), "/sdapi/v1/txt2img", webui(units(unit))).body.at("images").at(0)), picture_of(plain.at(0)));
  unit.erase("effective_region_mask");
  json two = units(unit);
  two["alwayson_scripts"]["ControlNet"]["args"].push_back({{"model", "sketch"}, {"image", hint()}});
  const Answer both = post(server(), "/sdapi/v1/txt2img", webui(two));
  ASSERT_EQ(both.status, 200) << both.body;
  ASSERT_EQ(both.body.at("images").size(), 2u) << "the sketch is what one of them looked at";
  EXPECT_NE(both.body.at("images").at(0), prompted.body.at("images").at(0));
}

TEST_F(Adapters, UnitsLookAtThePictureToStartFrom) {
  json body = webui(units({{"model", "edges"}}));
  EXPECT_EQ(post(server(), "/sdapi/v1/txt2img", body).status, 422) << "there is none";
  body["init_images"] = {hint()};
  const Answer answer = post(server(), "/sdapi/v1/img2img", body);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(picture_of(answer.body.at("images").at(1)), to_rgb(picture_of(hint())));
}

TEST_F(Adapters, WrongUnitsAreRefused) {
  const std::vector<std::pair<json, int>> wrong = {
      {{{"model", "nothing"}, {"image", hint()}}, 404},          {{{"model", "../edges"}, {"image", hint()}}, 404}, {{{"image", hint()}}, 422},
      {{{"model", "edges"}, {"image", "!"}}, 422},               {{{"model", "edges"}, {"image", hint()}, {"module", "depth_midas"}}, 422},
      {{{"model", "edges"}, {"image", hint()}, {"weight", "x"}}, 422}, {{{"model", "edges"}, {"image", hint()}, {"resize_mode", 9}}, 422},
      {{{"model", "edges"}, {"image", hint()}, {"control_mode", 3}}, 422}, {{{"model", "edges"}, {"image", hint()}, {"mask", "!"}}, 422},
      {{{"model", "edges"}, {"image", hint()}, {"module", "ip-adapter-auto"}}, 404}, {{{"model", "ip"}, {"image", hint()}, {"module", "canny"}}, 422}};
  for (const auto& [unit, status] : wrong) EXPECT_EQ(post(server(), "/sdapi/v1/txt2img", webui(units(unit))).status, status) << unit.dump().substr(0, 200);
}

}  // namespace
}  // namespace imagent::test
