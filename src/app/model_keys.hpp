#pragma once

#include "flatsweep/study/grid/model_config.hpp"
#include "key_text.hpp"

// Keys of networks made elsewhere, see config_keys.hpp.
namespace flatsweep {

template <class Visitor>
void describe_model(ModelConfig& c, Visitor& v) {
  v.table("model");
  v.text_or_texts("weights", c.weights,
                  {"files of networks made elsewhere, or patterns with *, ? and [] for such files: safetensors, .npz, "
                   ".npy, HDF5, or what flatsweep.Recorder left; each file is a replica"});
  v.text_or_texts("trajectory", c.trajectory,
                  {"files of snapshots of the weights, of which the last is the network itself: one with arrays of T "
                   "rows, or a pattern for one file a snapshot; {model} stands for the name of the network"});
  v.optional_text(
      "columns", c.columns,
      {"columns that /grid gets beside the networks: a CSV file whose column model has their names or files; "
       "or \"metadata\", the texts that all of the files keep beside their arrays"});
  v.choice("training", c.training, {"what is known of the training of networks made elsewhere"});
  v.text_table(
      "names", c.names,
      {"array of each layer (fc1) and of its biases (fc1_bias) in the files of networks made elsewhere; without "
       "this table every layer takes the first array that has its shape and is left"});
}

}  // namespace flatsweep
