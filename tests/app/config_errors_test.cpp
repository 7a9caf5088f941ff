#include "flatsweep/app/config_file.hpp"
#include "flatsweep/app/key_reference.hpp"
#include "flatsweep/base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace flatsweep::config_errors_test {
namespace {

struct BadInput {
  std::string name;
  std::string text;
  std::string assignment;  ///< of --set; none when empty
  std::string message;
};

void PrintTo(const BadInput& bad, std::ostream* out) { *out << bad.name; }

class BadConfig : public testing::TestWithParam<BadInput> {};

TEST_P(BadConfig, IsRefusedWithItsMessage) {
  const auto& bad = GetParam();
  std::vector<std::string> assignments;
  if (!bad.assignment.empty()) assignments.push_back(bad.assignment);
  try {
    (void)parse_config(bad.text, "run.toml", assignments);
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.what(), bad.message);
  }
}

const std::vector<BadInput> bad_inputs = {
    {"syntax", "[train]\nbatch_size = = 3\n", "",
     "run.toml:2:14: Error while parsing value: could not determine value type"},
    {"unfinished_table", "[train\nbatch_size = 3\n", "",
     "run.toml:1:7: Error while parsing table header: expected ']', saw '\\n'"},
    {"key_twice", "[train]\nseed = 1\nseed = 2\n", "",
     "run.toml:3:8: Error while parsing key-value pair: cannot redefine existing integer 'seed'"},
    {"unknown_key", "[train]\n\n  batchsize = 50\n", "",
     "run.toml:3:15: train.batchsize is not a key that flatsweep knows; did you mean train.batch_size?"},
    {"unknown_table", "[training]\nbatch_size = 50\n", "",
     "run.toml:1:1: training is not a table that flatsweep knows; did you mean [train]?"},
    {"axis_outside_of_a_table", "batch_size = [50]\n", "",
     "run.toml:1:14: batch_size stands outside of any table; write it below [grid]"},
    {"unknown_key_outside_of_a_table", "x = 50\n", "",
     "run.toml:1:5: x stands outside of any table; write it below the line that names its table"},
    {"key_outside_of_a_table", "batch_size = 50\n", "",
     "run.toml:1:14: batch_size stands outside of any table; write it below [train]"},
    {"table_as_value", "train = 5\n", "", "run.toml:1:9: train must be a table: write [train] on a line of its own"},
    {"whole_number_as_text", "[train]\nbatch_size = \"50\"\n", "",
     "run.toml:2:14: train.batch_size = \"50\" must be a whole number"},
    {"whole_number_as_real", "[train]\nbatch_size = 50.0\n", "",
     "run.toml:2:14: train.batch_size = 50.0 must be a whole number"},
    {"number_as_flag", "[train]\nlearning_rate = true\n", "",
     "run.toml:2:17: train.learning_rate = true must be a number"},
    {"text_as_number", "[data]\nname = 5\n", "", "run.toml:2:8: data.name = 5 must be a text in quotes"},
    {"empty_text", "[data]\nname = \"\"\n", "", "run.toml:2:8: data.name is empty; give it a value or remove it"},
    {"flag_as_number", "[flatness]\nenabled = 1\n", "", "run.toml:2:11: flatness.enabled = 1 must be true or false"},
    {"count_as_text", "[pca]\ndirections = \"some\"\n", "",
     "run.toml:2:14: pca.directions = \"some\" must be \"all\" or a whole number of 1 or more"},
    {"count_zero", "[pca]\ndirections = 0\n", "",
     "run.toml:2:14: pca.directions = 0 must be \"all\" or a whole number of 1 or more"},
    {"choice_unknown", "[train]\noptimizer = \"sdg\"\n", "",
     "run.toml:2:13: train.optimizer = \"sdg\" is not one of \"sgd\", \"momentum\", \"nesterov\", \"adam\""},
    {"choice_as_number", "[window]\nstart = 3\n", "",
     "run.toml:2:9: window.start = 3 is not one of \"epoch\", \"zero-error\""},
    {"whole_number_too_small", "[train]\nbatch_size = 0\n", "",
     "run.toml:2:14: train.batch_size = 0 must be 1 or more"},
    {"whole_number_too_large", "[network]\nhidden_layers = 65\n", "",
     "run.toml:2:17: network.hidden_layers = 65 must be 64 or less"},
    {"epochs_beyond_any_count", "[window]\nlength_epochs = 9223372036854775807\n", "",
     "run.toml:2:17: window.length_epochs = 9223372036854775807 must be 100000000 or less"},
    {"fit_range_beyond_any_layer", "[flatness]\nfit_last = 5000000000\n", "",
     "run.toml:2:12: flatness.fit_last = 5000000000 must be 2147483647 or less"},
    {"real_zero", "[train]\nlearning_rate = 0.0\n", "", "run.toml:2:17: train.learning_rate = 0.0 must be more than 0"},
    {"real_not_a_number", "[train]\nlearning_rate = nan\n", "",
     "run.toml:2:17: train.learning_rate = nan must be more than 0"},
    {"real_infinite", "[train]\nlearning_rate = inf\n", "", "run.toml:2:17: train.learning_rate = inf must be finite"},
    {"real_negative", "[run]\nmax_walltime = -1.5\n", "", "run.toml:2:16: run.max_walltime = -1.5 must be 0 or more"},
    {"real_too_large", "[train]\nmomentum = 1.0\n", "", "run.toml:2:12: train.momentum = 1.0 must be 0.9999 or less"},
    {"initial_scale_of_0", "[network]\ninitial_scale = 0\n", "",
     "run.toml:2:17: network.initial_scale = 0 must be 1e-06 or more"},
    {"initial_scale_negative", "[grid]\ninitial_scale = [1.0, -2.0]\n", "",
     "run.toml:2:23: grid.initial_scale[1] = -2.0 must be 1e-06 or more"},
    {"initial_scale_too_large", "[network]\ninitial_scale = 1e7\n", "",
     "run.toml:2:17: network.initial_scale = 10000000.0 must be 1e+06 or less"},
    {"table_within_a_table_unknown_key", "[train.schedule]\nwarmup_epoch = 3\n", "",
     "run.toml:2:16: train.schedule.warmup_epoch is not a key that flatsweep knows; did you mean "
     "train.schedule.warmup_epochs?"},
    {"table_within_a_table_as_number", "[data]\nteacher = 3\n", "",
     "run.toml:2:11: data.teacher must be a table: write [data.teacher] on a line of its own"},
    {"label_noise_above_1", "[data]\nlabel_noise = 1.5\n", "",
     "run.toml:2:15: data.label_noise = 1.5 must be 1 or less"},
    {"real_targets_with_cross_entropy", "[data]\ntargets = \"real\"\n", "",
     "run.toml: data.targets = \"real\" has no cross-entropy; set train.loss = \"square\""},
    {"real_targets_with_cross_entropy_on_an_axis",
     "[data]\ntargets = \"real\"\n[grid]\nloss = [\"square\", \"cross-entropy\"]\n", "",
     "run.toml: data.targets = \"real\" has no cross-entropy; set train.loss = \"square\""},
    {"real_targets_with_label_noise", "[data]\ntargets = \"real\"\nlabel_noise = 0.1\n[train]\nloss = \"square\"\n", "",
     "run.toml:3:15: data.label_noise = 0.1 redraws labels, and real targets have none; remove it"},
    {"real_targets_wait_for_no_error",
     "[data]\ntargets = \"real\"\n[train]\nloss = \"square\"\n[window]\nstart = \"zero-error\"\n", "",
     "run.toml:6:9: window.start = \"zero-error\" waits for a training error of 0, which real targets do not have"},
    {"real_targets_in_the_study_of_tasks",
     "study = \"continual\"\n[data]\ntargets = \"real\"\n[train]\nloss = \"square\"\n", "",
     "run.toml:3:11: data.targets = \"real\" has no meaning in the study \"continual\"; remove it"},
    {"schedule_in_another_study", "study = \"noise\"\n[train.schedule]\ndecay = \"linear\"\n", "",
     "run.toml:3:9: train.schedule.decay = \"linear\" does nothing in the study \"noise\"; remove it"},
    {"weight_decay_in_another_study", "study = \"continual\"\n[train]\nweight_decay = 0.1\n", "",
     "run.toml:3:16: train.weight_decay = 0.1 does nothing in the study \"continual\"; remove it"},
    {"schedule_steps_back", "[train.schedule]\nstep_epochs = [9, 5]\n", "",
     "run.toml: train.schedule.step_epochs = [9, 5] must be ascending"},
    {"schedule_ends_within_its_warmup", "[train.schedule]\ndecay = \"cosine\"\nwarmup_epochs = 5\ndecay_ends = 5\n", "",
     "run.toml: train.schedule: the decay ends after 5 epochs, before the warm-up of 5 is over"},
    {"axis_empty", "[grid]\nseed = []\n", "",
     "run.toml:2:8: grid.seed = [] is an axis without values; give it some or remove it"},
    {"axis_not_a_list", "[grid]\nseed = 3\n", "",
     "run.toml:2:8: grid.seed must be a list of values, for example [ 3 ]"},
    {"axis_not_a_list_and_of_wrong_type", "[grid]\nbatch_size = \"huge\"\n", "",
     "run.toml:2:14: grid.batch_size = \"huge\" must be a whole number"},
    {"axis_value_twice", "[grid]\nlearning_rate = [0.1, 0.2, 0.1]\n", "",
     "run.toml:2:28: grid.learning_rate has the value 0.1 twice; remove one"},
    {"axis_value_out_of_range", "[grid]\nbatch_size = [10, 50,\n  0]\n", "",
     "run.toml:3:3: grid.batch_size[2] = 0 must be 1 or more"},
    {"axis_value_of_wrong_type", "[grid]\nwidth = [10, \"wide\"]\n", "",
     "run.toml:2:14: grid.width[1] = \"wide\" must be a whole number"},
    {"axis_choice_unknown", "[grid]\nsampling = [\"shuffle\"]\n", "",
     "run.toml:2:13: grid.sampling[0] = \"shuffle\" is not one of \"reshuffle\", \"shuffle-once\", "
     "\"fixed-partition\", \"with-replacement\""},
    {"layers_not_a_list", "[pca]\nlayers = \"fc2\"\n", "",
     "run.toml:2:10: pca.layers must be a list of values, for example [ \"fc2\" ]"},
    {"layer_twice", "[pca]\nlayers = [\"fc2\", \"fc2\"]\n", "",
     "run.toml:2:18: pca.layers has the value \"fc2\" twice; remove one"},
    {"architecture_unknown", "[network]\narchitecture = \"lenet\"\n", "",
     "run.toml:2:16: network.architecture: there is no architecture \"lenet\"; it is \"mlp\", \"cnn-s1b\", \"lenet5\" "
     "or a list of layers"},
    {"architecture_of_wrong_type", "[network]\narchitecture = 5\n", "",
     "run.toml:2:16: network.architecture = 5 must be a name in quotes or a list of layers, for example "
     "[\"conv 16 kernel 3 padding 1\", \"pool 2\", \"fc 100\"]"},
    {"architecture_without_layers", "[network]\narchitecture = []\n", "",
     "run.toml:2:16: network.architecture = [] has no layer; give it some or remove it"},
    {"layer_of_wrong_type", "[network]\narchitecture = [\"conv 4 kernel 3\", 2]\n", "",
     "run.toml:2:36: network.architecture[1] = 2 must be a text in quotes"},
    {"layer_malformed", "[network]\narchitecture = [\n  \"conv 4 kernel 3\",\n  \"pol 2\",\n]\n", "",
     "run.toml:4:3: network.architecture[1]: \"pol 2\" is not a layer; write \"conv CHANNELS kernel SIDE\" (and "
     "\"stride STEP\", \"padding ZEROS\" and an activation behind it), \"pool SIDE\", \"average-pool SIDE\", "
     "\"global-average-pool\" or \"fc UNITS\" (and an activation)"},
    {"layer_out_of_range", "[network]\narchitecture = [\"conv 4 kernel 3 padding 3\"]\n", "",
     "run.toml:2:17: network.architecture[0]: \"conv 4 kernel 3 padding 3\": padding = 3 must be 0 to 2"},
    {"layer_out_of_order", "[network]\narchitecture = [\"fc 10\", \"conv 4 kernel 3\"]\n", "",
     "run.toml:2:26: network.architecture[1]: \"conv 4 kernel 3\" stands behind a fully connected layer; move it "
     "before"},
    {"pool_without_convolution", "[network]\narchitecture = [\"pool 2\"]\n", "",
     "run.toml:2:17: network.architecture[0]: \"pool 2\" must stand right behind a convolution; move or remove it"},
    {"activation_unknown", "[network]\nactivation = \"softplus\"\n", "",
     "run.toml:2:14: network.activation = \"softplus\" is not one of \"relu\", \"leaky-relu\", \"tanh\", \"sigmoid\", "
     "\"gelu\", \"silu\", \"identity\""},
    {"loss_axis_unknown", "[grid]\nloss = [\"square\", \"hinge\"]\n", "",
     "run.toml:2:19: grid.loss[1] = \"hinge\" is not one of \"cross-entropy\", \"square\""},
    {"scale_negative", "[data]\nscale = -1.0\n", "", "run.toml:2:9: data.scale = -1.0 must be 0 or more"},
    {"width_axis_without_mlp", "[network]\narchitecture = \"lenet5\"\n[grid]\nseed = [1]\nwidth = [20, 30]\n", "",
     "run.toml:5:9: grid.width = [ 20, 30 ] does nothing where network.architecture is not \"mlp\"; remove one of the "
     "two"},
    {"depth_axis_without_mlp", "[network]\narchitecture = [\"fc 9\"]\n[grid]\nhidden_layers = [1]\n", "",
     "run.toml:4:17: grid.hidden_layers = [ 1 ] does nothing where network.architecture is not \"mlp\"; remove one of "
     "the "
     "two"},
    {"fit_range_empty", "[flatness]\nfit_first = 500\n", "",
     "run.toml: flatness.fit_last = 500 must be more than flatness.fit_first = 500"},
    {"network_window_without_hessian", "[network_curvature]\nkinds = [\"noise-covariance\"]\nwindow = true\n", "",
     "run.toml: network_curvature.window looks along eigenvectors of the Hessian; add \"hessian\" to "
     "network_curvature.kinds"},
    {"study_unknown", "study = \"landscapes\"\n", "",
     "run.toml:1:9: study = \"landscapes\" is not one of \"landscape\", \"continual\", \"noise\", \"models\""},
    {"tasks_without_lists", "[continual]\ntasks = [0, 1]\n", "",
     "run.toml:2:10: continual.tasks[0] must be a list of values, for example [ 0 ]"},
    {"task_without_classes", "[continual]\ntasks = [[0], []]\n", "",
     "run.toml:2:15: continual.tasks[1] = [] is an axis without values; give it some or remove it"},
    {"class_out_of_range", "[continual]\ntasks = [[0, 1], [2, 256]]\n", "",
     "run.toml:2:22: continual.tasks[1][1] = 256 must be 255 or less"},
    {"class_twice", "[continual]\ntasks = [[0, 1], [2, 2]]\n", "",
     "run.toml:2:22: continual.tasks[1] has the value 2 twice; remove one"},
    {"psi_axis_of_the_grid", "study = \"continual\"\n[grid]\npsi_assumed = [3.0, 4.0]\n", "",
     "run.toml:3:15: grid.psi_assumed = [ 3.0, 4.0 ] does nothing in the study \"continual\"; remove it"},
    {"noise_axis_of_another_study", "[grid]\nnoise_amplitude = [1.0]\n", "",
     "run.toml:2:19: grid.noise_amplitude = [ 1.0 ] does nothing in the study \"landscape\"; remove it"},
    {"set_without_a_value", "", "train.batch_size",
     "--set train.batch_size: write it as table.key=value, for example --set train.batch_size=50"},
    {"set_without_a_table", "", "batch_size=50",
     "--set batch_size=50: write it as table.key=value, for example --set train.batch_size=50"},
    {"set_unknown_key", "", "train.batchsize=5",
     "--set train.batchsize=5: train.batchsize is not a key that flatsweep knows; did you mean train.batch_size?"},
    {"set_out_of_range", "[train]\nbatch_size = 5\n", "train.batch_size=0",
     "--set train.batch_size=0: train.batch_size = 0 must be 1 or more"},
    {"set_of_wrong_type", "", "train.batch_size=many",
     "--set train.batch_size=many: train.batch_size = \"many\" must be a whole number"},
    {"set_layer_malformed", "", "network.architecture=[\"fc\"]",
     "--set network.architecture=[\"fc\"]: network.architecture[0]: \"fc\" is not a layer; write \"conv CHANNELS "
     "kernel "
     "SIDE\" (and \"stride STEP\", \"padding ZEROS\" and an activation behind it), \"pool SIDE\", \"average-pool "
     "SIDE\", "
     "\"global-average-pool\" or \"fc UNITS\" (and an activation)"},
    {"set_of_no_key", "", "train. =3", "--set train. =3: 'train. ' is not a key; write it as table.key=value"},
    {"set_of_several_keys", "", "train.seed=1\n[run]\nteam_size=3",
     "--set train.seed=1\\u000A[run]\\u000Ateam_size=3: this sets more than one key; give every key a --set of its "
     "own"},
    {"set_of_several_keys_of_one_table", "", "train.seed=1\ntrain.batch_size=3",
     "--set train.seed=1\\u000Atrain.batch_size=3: this sets more than one key; give every key a --set of its own"},
    {"set_of_a_key_below_another_table", "", "[grid]\ntrain.seed=1",
     "--set [grid]\\u000Atrain.seed=1: '[grid]\\u000Atrain.seed' is not a key; write it as table.key=value"},
    {"set_of_a_key_in_four_parts", "", "a.b.c.d=1",
     "--set a.b.c.d=1: 'a.b.c.d' is not a key; write it as table.key=value"},
    {"set_of_a_key_in_quotes", "", "train.\"seed\"=1",
     "--set train.\"seed\"=1: 'train.\"seed\"' is not a key; write it as table.key=value"},
    {"set_of_no_text", "", "data.name=\xFF\xFE",
     "--set data.name=\\xFF\\xFE: the value is no text in UTF-8; write it as table.key=value"},
    {"key_like_none", "[train]\nmicrobatches = 0.1\n", "",
     "run.toml:2:16: train.microbatches is not a key that flatsweep knows; [train] has adam_beta1, adam_beta2, "
     "adam_epsilon, batch_size, learning_rate, loss, momentum, optimizer, sampling, schedule, seed, weight_decay"},
    {"key_of_another_table", "[train]\nwindow_halvings = 3\n", "",
     "run.toml:2:19: train.window_halvings is not a key that flatsweep knows; did you mean nulls.window_halvings?"},
    {"table_like_none", "[hessian]\nmodes = 3\n", "",
     "run.toml:1:1: hessian is not a table that flatsweep knows; there are [at_epochs], [bases], [continual], "
     "[curvature], [curvature_at_epochs], [data], [data.teacher], [dynamics], [filters], [first_mode], [flatness], "
     "[flatness_at_epochs], [fork], [grid], [mlf], [model], [network], [network_curvature], [noise], "
     "[nulls], [output], [pca], [pooled_pca], [relative_flatness], [run], [train], [train.schedule], [window]"},
    {"nul_in_a_text", "[data]\nname = \"mni\\u0000st\"\n", "",
     "run.toml:2:8: data.name = \"mni\\u0000st\" holds the character U+0000, which ends a text; remove it"},
    {"newline_in_a_text_that_is_shown", "[train]\noptimizer = \"a\\nb\\u001b[2J\"\n", "",
     "run.toml:2:13: train.optimizer = \"a\\u000Ab\\u001B[2J\" is not one of \"sgd\", \"momentum\", \"nesterov\", "
     "\"adam\""},
    {"modes_beyond_any_layer", "[first_mode]\nmodes = 2147483647\n", "",
     "run.toml:2:9: first_mode.modes = 2147483647 must be 1000 or less"},
    {"minibatches_beyond_any_epoch", "[noise]\nminibatches = 2147483647\n", "",
     "run.toml:2:15: noise.minibatches = 2147483647 must be 100000 or less"},
    {"loss_that_no_training_has", "[noise]\nuntil_loss = -0.1\n", "",
     "run.toml:2:14: noise.until_loss = -0.1 must be 0 or more"},
    {"walltime_beyond_any_clock", "[run]\nmax_walltime = 1e300\n", "",
     "run.toml:2:16: run.max_walltime = 1e+300 must be 1e+06 or less"}};

INSTANTIATE_TEST_SUITE_P(Table, BadConfig, testing::ValuesIn(bad_inputs),
                         [](const auto& test) { return test.param.name; });

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

/// What parsing says; "accepted" when it says nothing.
std::string complaint(const std::string& text, const std::vector<std::string>& assignments = {}) {
  try {
    (void)parse_config(text, "run.toml", assignments);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

using testing::HasSubstr;

constexpr const char* many_parts =
    "a key of more than 8 parts; the keys of flatsweep have two or three, as train.batch_size";
constexpr const char* many_lists = "more than 16 lists within one another; no value of flatsweep has more than two";

// The parser works by recursion, and so does the destructor of what it makes.
TEST(HostileConfig, KeysOfManyPartsAreRefusedUnparsed) {
  for (const auto* dot : {".", " . ", ".\"x.y\".", ".'x'.", "\t.\t"}) {
    const auto key = "a" + repeated(std::string(dot) + "a", 100000);
    for (const auto& text : {key + " = 1\n", "[" + key + "]\n", "[[" + key + "]]\n", "x = {" + key + " = 1}\n",
                             "[train]\nseed = 1\n" + key + " = 1\n"})
      EXPECT_THAT(complaint(text), HasSubstr(many_parts));
    EXPECT_THAT(complaint("", {key + "=1"}), HasSubstr("is not a key"));
    EXPECT_THAT(complaint("", {"train.seed={" + key + "=1}"}), HasSubstr(many_parts));
  }
}

TEST(HostileConfig, ListsWithinOneAnotherAreRefusedUnparsed) {
  for (const auto* open : {"[", "{a=", "[{a=[", "[\n", "[#]\n"}) {
    const auto lists = repeated(open, 100000);
    EXPECT_THAT(complaint("x = " + lists), HasSubstr(many_lists));
    EXPECT_THAT(complaint("", {"train.seed=" + lists}), HasSubstr(many_lists));
  }
}

TEST(HostileConfig, DotsAndBracketsInTextsAndCommentsCountForNothing) {
  const auto dots = repeated(".[", 500);
  for (const auto& text : {"# " + dots + "\n", "[data]\nname = \"" + dots + "\"\n", "[data]\nname = '" + dots + "'\n",
                           "[data]\nname = \"\"\"" + dots + "\n\"\"\"\n", "[data]\nname = '''" + dots + "\n'''\n",
                           "[data]\nname = \"\\\"" + dots + "\"\n",
                           std::string("[grid]\nlearning_rate = [0.1 , 0.2, 0.3, 0.4, 0.5, 0.6, "
                                       "0.7,\n0.8, 0.9, 1.0, 1.1]\n")})
    EXPECT_EQ(complaint(text), "accepted") << text.substr(0, 20);
}

TEST(HostileConfig, AFileOfManyMegabytesIsRefusedUnparsed) {
  EXPECT_THAT(complaint(std::string(5 << 20, '\n')), HasSubstr("bytes; 4194304 are the most that is read"));
}

TEST(HostileConfig, BytesThatAreNoTomlAreRefused) {
  for (const auto& text : {std::string("\0", 1), std::string("[train]\0seed = 1", 16), std::string("\xFF\xFE[\0", 4),
                           std::string("a = \"\xC3\x28\""), std::string("[train]\nseed = 1\r\r"),
                           std::string("\x1b[2J"), std::string("[train]\nseed = 1_"), std::string("seed")})
    EXPECT_THAT(complaint(text), testing::StartsWith("run.toml:")) << testing::PrintToString(text);
  EXPECT_EQ(complaint("\xEF\xBB\xBF[train]\nseed = 1\r\n"), "accepted") << "a byte order mark, lines as on Windows";
}

// A search for a value that is there twice must not compare each with each.
TEST(HostileConfig, LongListsAreReadAtOnceAndBounded) {
  const auto list = [](int count) {
    std::string values;
    for (int i = 0; i < count; ++i) values += std::to_string(i) + ",";
    return "[" + values + "]";
  };
  EXPECT_EQ(complaint("[grid]\nseed = " + list(100000)), "accepted");
  EXPECT_EQ(complaint("[grid]\nseed = " + list(100001)),
            "run.toml:2:8: grid.seed has 100001 values; 100000 are the most, take fewer");
  EXPECT_THAT(complaint("[continual]\ntasks = [" + repeated("[0],", 101) + "]"), HasSubstr("101 values"));
  EXPECT_THAT(complaint("[network]\narchitecture = [" + repeated("\"fc 1\",", 129) + "]"), HasSubstr("129 values"));
}

TEST(HostileConfig, MessagesRepeatTheBeginningOfWhatIsLong) {
  const auto word = std::string(100000, 'x');
  for (const auto& text : {"[train]\noptimizer = \"" + word + "\"", "[train]\n" + word + " = 1", "[" + word + "]",
                           word + " = 1", "[data]\nname = \"" + word + "\"",
                           "[train]\nseed = [" + repeated("1,", 50000) + "]", "[pca]\nlayers = \"" + word + "\""}) {
    EXPECT_NE(complaint(text), "accepted");
    EXPECT_LT(complaint(text).size(), 1000U) << text.substr(0, 20);
  }
}

// Every key with values of every type and both ends of every range: refused with a message or read, never more.
TEST(HostileConfig, EveryKeyTakesOrRefusesExtremes) {
  for (const auto& key : config_keys())
    for (const auto* value : {"0",
                              "-1",
                              "1",
                              "2147483647",
                              "2147483648",
                              "9223372036854775807",
                              "-9223372036854775808",
                              "1e308",
                              "-1e308",
                              "5e-324",
                              "inf",
                              "nan",
                              "true",
                              "\"\"",
                              "\"a\"",
                              "[]",
                              "[[]]",
                              "{}",
                              "[1e308]",
                              "1979-05-27",
                              "07:32:00",
                              "[9223372036854775807]",
                              "\"\\n\""}) {
      const auto said = complaint("", {key + "=" + value});
      EXPECT_TRUE(said == "accepted" || said.starts_with("--set " + key) || said.starts_with("run.toml: ")) << said;
    }
}

}  // namespace
}  // namespace flatsweep::config_errors_test
