#include "contains.h"
#include "trainer/folder.h"
#include "zip_bytes.h"
#include <metrics/core/errors.h>
#include <metrics/io/files.h>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/complex.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>

namespace {

using metrics_test::contains;

using at::Tensor;
using metrics::FormatError;
using metrics::InvalidArgument;
using metrics::io::Object;
using metrics::io::parse_safetensors;
using metrics::io::parse_torch;
using metrics::io::torch_bytes;
using metrics::io::UnknownClass;
using metrics_test::pickle_file;
using metrics_test::zip_bytes;
using metrics_test::ZippedFile;
using namespace std::string_literals;

/// What reading says against bytes; empty where it takes them.
std::string refusal_of(const std::string& bytes, UnknownClass unknown = UnknownClass::Refuse) {
  try {
    parse_torch(bytes, "hostile.pt", unknown);
    return "";
  } catch (const FormatError& error) {
    CHECK(error.file() == "hostile.pt");
    CHECK(error.offset() >= 0);
    CHECK(error.offset() <= static_cast<int64_t>(bytes.size()));
    return error.what();
  }
}

std::string refusal_of_safetensors(const std::string& bytes) {
  try {
    parse_safetensors(bytes, "hostile.safetensors");
    return "";
  } catch (const FormatError& error) {
    CHECK(error.file() == "hostile.safetensors");
    return error.what();
  }
}

void expect_refused(const std::string& pickle, const std::string& why) {
  const std::string refusal = refusal_of(pickle_file(pickle));
  CHECK_MESSAGE(contains(refusal, why), "`" << refusal << "` should say `" << why << "`");
}

constexpr std::array types = {
      at::kBool,          at::kByte,        at::kChar,          at::kShort,           at::kUInt16,
      at::kInt,           at::kUInt32,      at::kLong,          at::kUInt64,          at::kHalf,
      at::kBFloat16,      at::kFloat,       at::kDouble,        at::kComplexHalf,     at::kComplexFloat,
      at::kComplexDouble, at::kFloat8_e5m2, at::kFloat8_e4m3fn, at::kFloat8_e4m3fnuz, at::kFloat8_e5m2fnuz};

std::array<Tensor, 3> values_of(at::ScalarType type) {
  return {at::arange(6, at::kFloat).reshape({2, 3}).gt(2).to(type), at::empty({0, 2}, type), at::zeros({}, type)};
}

bool has_safetensors(at::ScalarType type) {
  return type != at::kComplexHalf && type != at::kComplexDouble;
}

Object some_checkpoint() {
  Object::Dict model;
  model.items.push_back({"weight", at::arange(6, at::kFloat).reshape({2, 3})});
  model.items.push_back({"steps", at::tensor(int64_t{7})});
  model.items.push_back({"lists", Object::List{at::tensor({1.5, 2.5}, at::kDouble), at::empty({0, 3})}});
  model.attributes.push_back(
      {"_metadata",
       Object::Dict{.items = {{"", Object::Dict{.items = {{"version", 1}}, .attributes = {}}}}, .attributes = {}}});
  Object::Dict all;
  all.items.push_back({"model", model});
  all.items.push_back({"epoch", 300});
  all.items.push_back({"rate", 0.1});
  all.items.push_back({"done", false});
  all.items.push_back({"name", "größe"});
  all.items.push_back({"nothing", Object()});
  all.items.push_back({"betas", Object::Tuple{{0.9, 0.999}}});
  all.items.push_back({Object(int64_t{-5}), std::numeric_limits<int64_t>::min()});
  return all;
}

/// An int32 of a pickle.
std::string four(uint32_t number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

std::string text(const std::string& chars) {
  return "X" + four(static_cast<uint32_t>(chars.size())) + chars;
}

/// A tensor of float32 as torch.save writes it, with the numbers that are asked for.
std::string tensor(const std::string& offset, const std::string& sizes, const std::string& strides,
                   const std::string& elements = "K\x04") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") +
         text("cpu") + elements + "tQ" + offset + "(" + sizes + "t(" + strides + "t\x89" +
         "ccollections\nOrderedDict\n)RtR";
}

std::string file_of_tensor(const std::string& pickled) {
  return zip_bytes({{"archive/data.pkl", "\x80\x02" + pickled + "."}, {"archive/data/0", std::string(16, '\0')}});
}

}  // namespace

TEST_CASE("what Python would run is refused by name, and nothing of it is run") {
  expect_refused("cos\nsystem\n" + text("touch /tmp/ran") + "\x85R.", "`os.system`");
  expect_refused("c__builtin__\neval\n" + text("1") + "\x85R.", "`__builtin__.eval`");
  expect_refused("ctorch.hub\nload\n.", "`torch.hub.load`");
  expect_refused("ctorch._utils\n_rebuild_sparse_tensor\n.", "_rebuild_sparse_tensor");
  expect_refused("(ios\nsystem\n.", "the opcode 0x69");
  expect_refused("I7\n.", "the opcode 0x49");
  // Kept, they are what they are called, and still nothing of them is run.
  const Object kept =
      parse_torch(pickle_file("cos\nsystem\n" + text("touch /tmp/ran") + "\x85R."), "kept.pt", UnknownClass::Keep);
  REQUIRE(kept.as<Object::Opaque>() != nullptr);
  CHECK(kept.as<Object::Opaque>()->type == "os.system");
  CHECK_THROWS_AS(torch_bytes(kept), InvalidArgument);
}

TEST_CASE("pickles that are none, or of another protocol, are refused") {
  CHECK(contains(refusal_of(zip_bytes({{"archive/data.pkl", "\x80\x04N."}})), "protocol 2"));
  CHECK(contains(refusal_of(zip_bytes({{"archive/data.pkl", ""}})), "ends within"));
  expect_refused("", "ends within");
  expect_refused("N", "ends within");
  expect_refused(".", "the stack is empty");
  expect_refused("NN.", "more than one value");
  expect_refused("(N.", "more than one value");
  expect_refused("t.", "no mark is set");
  expect_refused("h\x05.", "the memo has no place 5");
  expect_refused("Na.", "the stack is empty");
  expect_refused("NNa.", "a list should stand on the stack");
  expect_refused("](Nu.", "a key has no value");
  expect_refused("\x8a\x09" + std::string(9, '\1') + ".", "longer than 64 bits");
  expect_refused("X" + four(0xfffffff0U) + "abc.", "ends within");
  expect_refused("X" + four(2) + "\xc3\x28.", "not UTF-8");
  expect_refused("NQ.", "none of a storage");
  expect_refused("NNR.", "no arguments");
  expect_refused("N)R.", "something is called that is no class");
  expect_refused("c" + std::string(2000, 'a') + "\nb\n.", "a name does not end");
}

TEST_CASE("values that would be more than the file is long are refused") {
  expect_refused(std::string(100000, ']') + ".", "more values than its length allows");
  expect_refused("]q\1h\1a.", "within itself");
  expect_refused(std::string(1000, ']') + std::string(999, 'a') + ".", "nested deeper than 200");
  // A pair of twice the same pair, and so on: 2^40 values.
  std::string pairs = "K\1";
  for (int i = 0; i < 40; ++i) pairs += "q"s + static_cast<char>(i) + "h"s + static_cast<char>(i) + "\x86";
  expect_refused(pairs + ".", "the same values more often");
  // A text of 1 MB a thousand times.
  std::string texts = "(" + text(std::string(1U << 20U, 'x')) + "q\1";
  for (int i = 0; i < 1000; ++i) texts += "h\1";
  expect_refused(texts + "t.", "the same texts more often");
}

TEST_CASE("tensors lie within their storages") {
  CHECK(refusal_of(file_of_tensor(tensor("K"s + '\0', "K\4", "K\1"))) == "");
  CHECK(refusal_of(file_of_tensor(tensor("K\4", "K"s + '\0', "K\1"))) == "");  // an empty one may begin at the end
  const std::string most = "\x8a\x08" + std::string(7, '\xff') + "\x7f";
  const auto expect = [](const std::string& pickled, const std::string& why) {
    const std::string refusal = refusal_of(file_of_tensor(pickled));
    CHECK_MESSAGE(contains(refusal, why), "`" << refusal << "` should say `" << why << "`");
  };
  const std::string zero = "K"s + '\0';
  expect(tensor("K\1", "K\4", "K\1"), "reaches beyond its storage");
  expect(tensor("K\5", zero, "K\1"), "reaches beyond its storage");
  expect(tensor(most, "K\1", "K\1"), "reaches beyond its storage");
  expect(tensor(zero, "K\2", most), "reaches beyond its storage");
  expect(tensor(zero, most + "K\2", "K\1K\1"), "beyond 64 bits");
  expect(tensor(zero, zero + most + most, zero + zero + zero), "beyond 64 bits");
  expect(tensor(zero, most, zero), "beyond 64 bits");
  expect(tensor(zero, "J" + four(1U << 30U), zero), "more often than the file is long");
  expect(tensor("J" + four(0xffffffffU), "K\1", "K\1"), "offset");
  expect(tensor(zero, "J" + four(0xffffffffU), "K\1"), "sizes");
  expect(tensor(zero, "K\1K\1", "K\1"), "numbers of sizes and strides");
  expect(tensor(zero, "K\4", "K\1", "K\5"), "the pickle says 5 elements");
  expect(tensor(zero, "K\4", "K\1", most), "the pickle says");
  expect(tensor(zero, "K\4", "K\1", "N"), "no number of elements");
  CHECK(contains(refusal_of(zip_bytes({{"archive/data.pkl", "\x80\x02" + tensor(zero, "K\4", "K\1") + "."}})),
                 "no record of the storage"));
  std::string bools = tensor(zero, "K\4", "K\1");
  bools.replace(bools.find("FloatStorage"), 12, "BoolStorage");
  CHECK(
      contains(refusal_of(zip_bytes({{"archive/data.pkl", "\x80\x02" + bools + "."}, {"archive/data/0", "\1\0\2\0"s}})),
               "neither 0 nor 1"));
}

TEST_CASE("archives that play tricks are refused") {
  const ZippedFile pickle = {"archive/data.pkl", "\x80\x02N."};
  const auto refused = [&](std::vector<ZippedFile> files) { return refusal_of(zip_bytes(files)); };
  CHECK(refused({pickle}) == "");
  CHECK(contains(refused({}), "begins with the letters PK"));
  CHECK(contains(refused({pickle, pickle}), "occurs twice"));
  CHECK(contains(refused({pickle, {"other/data/0", ""}}), "another folder"));
  CHECK(contains(refused({pickle, {"archive/../../etc/passwd", ""}}), "leads out of the archive"));
  CHECK(contains(refused({pickle, {"/archive", ""}}), "no path within"));
  CHECK(contains(refused({{"data.pkl", "\x80\x02N."}}), "lies in no folder"));
  CHECK(contains(refused({{"archive/other.pkl", "\x80\x02N."}}), "no record data.pkl"));
  CHECK(contains(refused({pickle, {"archive/constants.pkl", "\x80\x02N."}}), "TorchScript"));
  CHECK(contains(refused({pickle, {"archive/byteorder", "big"}}), "another byte order"));
  ZippedFile changed = pickle;
  changed.method = 8;
  CHECK(contains(refused({changed}), "is compressed"));
  changed.method = 14;
  CHECK(contains(refused({changed}), "method 14"));
  changed = pickle;
  changed.flags = 1;
  CHECK(contains(refused({changed}), "is encrypted"));
  changed = pickle;
  changed.checksum_change = 1;
  CHECK(contains(refused({changed}), "other bytes than its checksum"));
  changed = pickle;
  changed.claimed_size = 0xfffffff0U;
  CHECK(contains(refused({changed}), "reaches beyond the entries"));
  changed = pickle;
  changed.header_change = 1U << 30U;
  CHECK(contains(refused({changed}), "has no header"));
  changed = pickle;
  changed.local_name = "archive/data.pkx";
  CHECK(contains(refused({changed}), "something else in its own header"));
  ZippedFile second = {"archive/data/0", "1234"};
  second.header_change = 0U - (30U + 16U + 4U);  // the header of the first
  second.local_name = second.name;
  CHECK(refused({pickle, second}) != "");
  CHECK(contains(refusal_of("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."), "before PyTorch 1.6"));
  CHECK(contains(refusal_of("PK\3\4 and nothing more, but long enough for an end"), "no zip archive"));
  CHECK(contains(refusal_of(""), "begins with the letters PK"));
}

TEST_CASE("a file that is cut anywhere is refused, and one with any bit flipped is refused or says the same") {
  Object::Dict small;
  small.items.push_back({"a", at::arange(5)});
  small.items.push_back({"b", Object::List{at::ones({2}, at::kBool), 3, "text"}});
  for (const std::string& bytes : {torch_bytes(small)}) {
    for (std::size_t size = 0; size < bytes.size(); ++size) REQUIRE(refusal_of(bytes.substr(0, size)) != "");
    std::size_t taken = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
      try {
        const Object read = parse_torch(flipped, "flipped.pt");
        REQUIRE_MESSAGE(torch_bytes(read) == bytes, "the bit at byte " << i << " changed the content");
        ++taken;
      } catch (const FormatError&) {
      }
    }
    CHECK(taken < bytes.size());  // dates and padding mean nothing
  }
  const std::string bytes = metrics::io::safetensors_bytes(
      {.tensors = {{"a", at::arange(5)}, {"b", at::ones({2}, at::kBool)}}, .metadata = {{"x", "y"}}});
  for (std::size_t size = 0; size < bytes.size(); ++size) REQUIRE(refusal_of_safetensors(bytes.substr(0, size)) != "");
}

TEST_CASE("safetensors files that are none are refused") {
  const auto file = [](const std::string& header, const std::string& data) {
    const uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + header + data;
  };
  const auto one = [&](const std::string& entry) {
    return refusal_of_safetensors(file("{\"a\":" + entry + "}", "12345678"));
  };
  CHECK(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})") == "");
  CHECK(contains(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})"), "bytes follow the last tensor"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"), "leaves bytes before it"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"), "other offsets than its shape"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), "no pair of offsets"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8.0]})"), "no pair of offsets"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"), "no integer from 0 on"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"), "no integer from 0 on"));
  CHECK(contains(one(R"({"dtype":"F33","shape":[2],"data_offsets":[0,8]})"), "none that is known"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]})"), "other offsets"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})"), "reaches beyond the file"));
  CHECK(contains(one(R"({"dtype":"BOOL","shape":[8],"data_offsets":[0,8]})"), "neither 0 nor 1"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[2]})"), "is no object"));
  CHECK(contains(one("[]"), "is no object"));
  CHECK(contains(one(R"({"dtype":"F32","shape":[1e999],"data_offsets":[0,8]})"), "a number beyond float64"));
  const std::string half = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  CHECK(contains(refusal_of_safetensors(file("{\"a\":" + half + ",\"b\":" + half + "}", "1234")), "overlaps"));
  CHECK(contains(refusal_of_safetensors(file("{\"a\":" + half + ",\"a\":" + half + "}", "1234")), "occurs twice"));
  CHECK(contains(refusal_of_safetensors(file("{\"__metadata__\":{\"a\":1}}", "")), "is no text"));
  CHECK(contains(refusal_of_safetensors(file("[]", "")), "does not begin with {"));
  CHECK(contains(refusal_of_safetensors(file("{\"a\":", "")), "no JSON"));
  CHECK(contains(refusal_of_safetensors(file("{\"a\":" + std::string(1000, '[') + "}", "")), "nested deeper"));
  CHECK(contains(refusal_of_safetensors("\xff\xff\xff\xff\xff\xff\xff\x7f{}"), "longer than 100 MB"));
  CHECK(contains(refusal_of_safetensors(""), "ends within"));
}

TEST_CASE("what is written comes back: containers, texts, numbers, attributes") {
  const Object read = parse_torch(torch_bytes(some_checkpoint()), "memory");
  CHECK(torch_bytes(read) == torch_bytes(some_checkpoint()));
  CHECK(at::equal(*read.at("model").at("weight").as<Tensor>(), at::arange(6, at::kFloat).reshape({2, 3})));
  CHECK(*read.at("epoch").as<int64_t>() == 300);
  CHECK(*read.at("name").as<std::string>() == "größe");
  CHECK(read.at("nothing").is_none());
  CHECK(*read.at(-5).as<int64_t>() == std::numeric_limits<int64_t>::min());
  CHECK(read.at("betas").as<Object::Tuple>()->items.size() == 2);
  CHECK(read.at("model").as<Object::Dict>()->attributes.size() == 1);
  CHECK_THROWS_WITH_AS(read.at("modle"), doctest::Contains("`modle`"), InvalidArgument);
  CHECK_THROWS_AS(torch_bytes(Object("\xff")), InvalidArgument);
  Object changed = read;
  changed.set("epoch", 301);
  changed.set("new", true);
  CHECK(*changed.at("epoch").as<int64_t>() == 301);
  CHECK(*changed.at("new").as<bool>());
  CHECK_THROWS_AS(Object(7).set("x", 1), InvalidArgument);
}

TEST_CASE("Python reads every dtype that is written here, and what Python writes is read here: views, parameters, numbers") {
  const metrics_test::Folder folder;
  const auto again = [&](const std::string& suffix) {
    const std::string from = (folder.path() / ("here" + suffix)).string(), to = (folder.path() / ("there" + suffix)).string();
    const std::string command = METRICS_PYTHON " " METRICS_SOURCE_DIR "/tests/io/saved_again.py " + from + " " + to;
    REQUIRE(std::system(command.c_str()) == 0);
    return to;
  };
  Object::List all;
  metrics::io::Safetensors content;
  for (const at::ScalarType type : types) {
    for (const Tensor& values : values_of(type)) {
      all.emplace_back(values);
      if (has_safetensors(type)) content.tensors.emplace("t" + std::to_string(all.size()), values);
    }
  }
  all.emplace_back(some_checkpoint());
  metrics::io::write_torch(folder.path() / "here.pt", all);
  const Object read = metrics::io::read_torch(again(".pt"));
  CHECK(torch_bytes(read.at("loaded")) == torch_bytes(all));
  const auto &views = *read.at("views").as<Object::List>(), &copies = *read.at("copies").as<Object::List>();
  REQUIRE(views.size() == copies.size());
  for (std::size_t i = 0; i < views.size(); ++i) CHECK(at::equal(*views[i].as<Tensor>(), *copies[i].as<Tensor>()));
  CHECK(views[0].as<Tensor>()->data_ptr() == views[1].as<Tensor>()->data_ptr());  // as in Python
  CHECK(read.at("parameter").as<Tensor>()->dim() == 2);
  const auto& numbers = *read.at("numbers").as<Object::List>();
  CHECK(*numbers[5].as<int64_t>() == std::numeric_limits<int64_t>::min());
  CHECK(*numbers[6].as<int64_t>() == std::numeric_limits<int64_t>::max());
  CHECK(*numbers[8].as<double>() == std::numeric_limits<double>::infinity());

  metrics::io::write_safetensors(folder.path() / "here.safetensors", content);
  const metrics::io::Safetensors back = metrics::io::read_safetensors(again(".safetensors"));
  CHECK(back.metadata.at("note") == "größe");
  content.metadata = back.metadata;
  CHECK(metrics::io::safetensors_bytes(back) == metrics::io::safetensors_bytes(content));
}

TEST_CASE("tensors of every dtype and layout come back in both formats") {
  for (const at::ScalarType type : types) {
    CAPTURE(c10::toString(type));
    for (const Tensor& values : values_of(type)) {
      const Object read = parse_torch(torch_bytes(values), "memory");
      const Tensor back = *read.as<Tensor>();
      CHECK((back.scalar_type() == type));
      CHECK(back.sizes() == values.sizes());
      CHECK(torch_bytes(back) == torch_bytes(values));
      if (!has_safetensors(type)) {
        CHECK_THROWS_AS(metrics::io::safetensors_bytes({.tensors = {{"x", values}}, .metadata = {}}), InvalidArgument);
        continue;
      }
      const std::string bytes = metrics::io::safetensors_bytes({.tensors = {{"x", values}}, .metadata = {}});
      const auto content = parse_safetensors(bytes, "memory");
      CHECK((content.tensors.at("x").scalar_type() == type));
      CHECK(metrics::io::safetensors_bytes(content) == bytes);
    }
  }
  const Tensor all = at::arange(24, at::kDouble).reshape({4, 6});
  for (const Tensor& view : {all.t(), all.slice(1, 1, 6, 2), all.select(0, 2), all.slice(0, 1, 2).expand({3, 6})}) {
    CHECK(at::equal(*parse_torch(torch_bytes(view), "memory").as<Tensor>(), view));
  }
  const Tensor pending = at::complex(at::ones({2}), at::ones({2})).conj();
  CHECK(at::equal(*parse_torch(torch_bytes(pending), "memory").as<Tensor>(), pending.resolve_conj()));
}

TEST_CASE("files are written whole or not at all") {
  const metrics_test::Folder own;
  const std::filesystem::path folder = own.path();
  const auto file = folder / "states.pt";
  metrics::io::write_torch(file, 1);
  CHECK_THROWS_AS(metrics::io::write_torch(file, Object::Opaque{"x"}), InvalidArgument);
  CHECK(*metrics::io::read_torch(file).as<int64_t>() == 1);
  CHECK_THROWS_WITH_AS(metrics::io::write_torch(file / "below", 1), doctest::Contains("below"), metrics::Error);
  CHECK_THROWS_WITH_AS(metrics::io::write_torch(folder, 1), doctest::Contains(folder.c_str()), metrics::Error);
  CHECK_THROWS_WITH_AS(metrics::io::write_torch("/dev/full", at::zeros({1000})),
                       doctest::Contains("/dev/full cannot be written"), metrics::Error);
  CHECK_THROWS_AS(metrics::io::write_safetensors("/dev/full", {.tensors = {{"x", at::zeros({1000})}}, .metadata = {}}),
                  metrics::Error);
  CHECK_THROWS_WITH_AS(metrics::io::read_torch(folder / "none.pt"), doctest::Contains("none.pt"), FormatError);
  CHECK_THROWS_AS(metrics::io::read_torch(folder), FormatError);
  // A link stays one.
  std::filesystem::create_symlink("states.pt", folder / "latest.pt");
  metrics::io::write_torch(folder / "latest.pt", 2);
  CHECK(std::filesystem::is_symlink(folder / "latest.pt"));
  CHECK(*metrics::io::read_torch(file).as<int64_t>() == 2);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++files;
  CHECK(files == 2);  // nothing is left of what failed
}
