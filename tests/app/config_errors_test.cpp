#include "flatsweep/app/config_file.hpp"
#include "flatsweep/base/error.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace flatsweep {
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
    {"flag_as_number", "[flatness]\nmeasure = 1\n", "", "run.toml:2:11: flatness.measure = 1 must be true or false"},
    {"count_as_text", "[pca]\ndirections = \"some\"\n", "",
     "run.toml:2:14: pca.directions = \"some\" must be \"all\" or a whole number of 1 or more"},
    {"count_zero", "[pca]\ndirections = 0\n", "",
     "run.toml:2:14: pca.directions = 0 must be \"all\" or a whole number of 1 or more"},
    {"choice_unknown", "[train]\noptimizer = \"sdg\"\n", "",
     "run.toml:2:13: train.optimizer = \"sdg\" is not one of \"sgd\", \"momentum\", \"adam\""},
    {"choice_as_number", "[window]\nstart = 3\n", "",
     "run.toml:2:9: window.start = 3 is not one of \"epoch\", \"zero-error\""},
    {"whole_number_too_small", "[train]\nbatch_size = 0\n", "",
     "run.toml:2:14: train.batch_size = 0 must be 1 or more"},
    {"whole_number_too_large", "[network]\nhidden_layers = 65\n", "",
     "run.toml:2:17: network.hidden_layers = 65 must be 64 or less"},
    {"epochs_beyond_any_count", "[window]\nepochs = 9223372036854775807\n", "",
     "run.toml:2:10: window.epochs = 9223372036854775807 must be 100000000 or less"},
    {"fit_range_beyond_any_layer", "[flatness]\nfit_last = 5000000000\n", "",
     "run.toml:2:12: flatness.fit_last = 5000000000 must be 2147483647 or less"},
    {"real_zero", "[train]\nlearning_rate = 0.0\n", "", "run.toml:2:17: train.learning_rate = 0.0 must be more than 0"},
    {"real_not_a_number", "[train]\nlearning_rate = nan\n", "",
     "run.toml:2:17: train.learning_rate = nan must be more than 0"},
    {"real_infinite", "[train]\nlearning_rate = inf\n", "", "run.toml:2:17: train.learning_rate = inf must be finite"},
    {"real_negative", "[run]\nmax_walltime = -1.5\n", "", "run.toml:2:16: run.max_walltime = -1.5 must be 0 or more"},
    {"real_too_large", "[train]\nmomentum = 1.0\n", "", "run.toml:2:12: train.momentum = 1.0 must be 0.9999 or less"},
    {"axis_empty", "[grid]\nseed = []\n", "",
     "run.toml:2:8: grid.seed = [] is an axis without values; give it some or remove it"},
    {"axis_not_a_list", "[grid]\nseed = 3\n", "",
     "run.toml:2:8: grid.seed must be a list of values, for example [ 3 ]"},
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
     "\"padding ZEROS\" behind it), \"pool SIDE\" or \"fc UNITS\""},
    {"layer_out_of_range", "[network]\narchitecture = [\"conv 4 kernel 3 padding 3\"]\n", "",
     "run.toml:2:17: network.architecture[0]: \"conv 4 kernel 3 padding 3\": padding = 3 must be 0 to 2"},
    {"layer_out_of_order", "[network]\narchitecture = [\"fc 10\", \"conv 4 kernel 3\"]\n", "",
     "run.toml:2:26: network.architecture[1]: \"conv 4 kernel 3\" stands behind a fully connected layer; move it "
     "before"},
    {"pool_without_convolution", "[network]\narchitecture = [\"pool 2\"]\n", "",
     "run.toml:2:17: network.architecture[0]: \"pool 2\" must stand right behind a convolution; move or remove it"},
    {"width_axis_without_mlp", "[network]\narchitecture = \"lenet5\"\n[grid]\nseed = [1]\nwidth = [20, 30]\n", "",
     "run.toml:5:9: grid.width = [ 20, 30 ] does nothing where network.architecture is not \"mlp\"; remove one of the "
     "two"},
    {"depth_axis_without_mlp", "[network]\narchitecture = [\"fc 9\"]\n[grid]\nhidden_layers = [1]\n", "",
     "run.toml:4:17: grid.hidden_layers = [ 1 ] does nothing where network.architecture is not \"mlp\"; remove one of "
     "the "
     "two"},
    {"fit_range_empty", "[flatness]\nfit_first = 500\n", "",
     "run.toml: flatness.fit_last = 500 must be more than flatness.fit_first = 500"},
    {"study_unknown", "study = \"landscapes\"\n", "",
     "run.toml:1:9: study = \"landscapes\" is not one of \"landscape\", \"continual\", \"noise\""},
    {"tasks_without_lists", "[continual]\ntasks = [0, 1]\n", "",
     "run.toml:2:10: continual.tasks[0] must be a list of values, for example [ 0 ]"},
    {"task_without_classes", "[continual]\ntasks = [[0], []]\n", "",
     "run.toml:2:15: continual.tasks[1] = [] is an axis without values; give it some or remove it"},
    {"class_out_of_range", "[continual]\ntasks = [[0, 1], [2, 10]]\n", "",
     "run.toml:2:22: continual.tasks[1][1] = 10 must be 9 or less"},
    {"class_twice", "[continual]\ntasks = [[0, 1], [2, 2]]\n", "",
     "run.toml:2:22: continual.tasks[1] has the value 2 twice; remove one"},
    {"psi_axis_of_the_grid", "study = \"continual\"\n[grid]\npsi = [3.0, 4.0]\n", "",
     "run.toml:3:7: grid.psi = [ 3.0, 4.0 ] does nothing in the study \"continual\"; remove it"},
    {"noise_axis_of_another_study", "[grid]\nnoise_strength = [1.0]\n", "",
     "run.toml:2:18: grid.noise_strength = [ 1.0 ] does nothing in the study \"landscape\"; remove it"},
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
     "SIDE\" (and \"padding ZEROS\" behind it), \"pool SIDE\" or \"fc UNITS\""},
    {"set_of_no_key", "", "train. =3", "--set train. =3: 'train. ' is not a key; write it as table.key=value"}};

INSTANTIATE_TEST_SUITE_P(Table, BadConfig, testing::ValuesIn(bad_inputs),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace flatsweep
