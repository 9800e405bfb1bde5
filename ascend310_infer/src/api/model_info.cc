// SPDX-License-Identifier: Apache-2.0
//
// What a model says of itself.
#include "api/model.h"

namespace {

using adabin::backend::ModelInfo;
using adabin::backend::TensorInfo;

const ModelInfo* InfoOf(const adabin_model* model) {
  return model == nullptr ? nullptr : &model->shared->network->info();
}

const TensorInfo* TensorOf(const adabin_model* model, std::vector<TensorInfo> ModelInfo::* side,
                           size_t index) {
  const ModelInfo* info = InfoOf(model);
  return info != nullptr && index < (info->*side).size() ? &(info->*side)[index] : nullptr;
}

const char* NameOf(const TensorInfo* tensor) {
  return tensor == nullptr ? nullptr : tensor->name.c_str();
}

adabin_type TypeOf(const TensorInfo* tensor) {
  return tensor == nullptr ? ADABIN_NO_TYPE : ADABIN_FLOAT32;
}

size_t DimsOf(const TensorInfo* tensor, const int64_t** dims) {
  if (dims != nullptr) *dims = tensor == nullptr ? nullptr : tensor->dims.data();
  return tensor == nullptr ? 0 : tensor->dims.size();
}

using Entry = std::pair<std::string, std::string>;

const char* MetadataOf(const adabin_model* model, size_t index, std::string Entry::* part) {
  if (model == nullptr || index >= model->shared->metadata.size()) return nullptr;
  return (model->shared->metadata[index].*part).c_str();
}

}  // namespace

size_t adabin_model_input_count(const adabin_model* model) {
  return model == nullptr ? 0 : InfoOf(model)->inputs.size();
}

const char* adabin_model_input_name(const adabin_model* model, size_t index) {
  return NameOf(TensorOf(model, &ModelInfo::inputs, index));
}

adabin_type adabin_model_input_type(const adabin_model* model, size_t index) {
  return TypeOf(TensorOf(model, &ModelInfo::inputs, index));
}

size_t adabin_model_input_dims(const adabin_model* model, size_t index, const int64_t** dims) {
  return DimsOf(TensorOf(model, &ModelInfo::inputs, index), dims);
}

size_t adabin_model_output_count(const adabin_model* model) {
  return model == nullptr ? 0 : InfoOf(model)->outputs.size();
}

const char* adabin_model_output_name(const adabin_model* model, size_t index) {
  return NameOf(TensorOf(model, &ModelInfo::outputs, index));
}

adabin_type adabin_model_output_type(const adabin_model* model, size_t index) {
  return TypeOf(TensorOf(model, &ModelInfo::outputs, index));
}

size_t adabin_model_output_dims(const adabin_model* model, size_t index, const int64_t** dims) {
  return DimsOf(TensorOf(model, &ModelInfo::outputs, index), dims);
}

const char* adabin_model_description(const adabin_model* model) {
  return model == nullptr || model->shared->description.empty()
             ? nullptr
             : model->shared->description.c_str();
}

size_t adabin_model_metadata_count(const adabin_model* model) {
  return model == nullptr ? 0 : model->shared->metadata.size();
}

const char* adabin_model_metadata_key(const adabin_model* model, size_t index) {
  return MetadataOf(model, index, &Entry::first);
}

const char* adabin_model_metadata_value(const adabin_model* model, size_t index) {
  return MetadataOf(model, index, &Entry::second);
}

const char* adabin_model_metadata(const adabin_model* model, const char* key) {
  if (model == nullptr || key == nullptr) return nullptr;
  const std::string* value = adabin::api::Find(model->shared->metadata, key);
  return value == nullptr ? nullptr : value->c_str();
}

const char* adabin_model_kernel(const adabin_model* model) {
  return model == nullptr ? nullptr : InfoOf(model)->kernel.c_str();
}

int adabin_model_binary_layers(const adabin_model* model) {
  return model == nullptr ? 0 : InfoOf(model)->binary_layers;
}

int adabin_model_packed_layers(const adabin_model* model) {
  return model == nullptr ? 0 : InfoOf(model)->binary_layers_packed;
}

size_t adabin_model_step_count(const adabin_model* model) {
  return model == nullptr ? 0 : InfoOf(model)->steps.size();
}

const char* adabin_model_step(const adabin_model* model, size_t index) {
  return index < adabin_model_step_count(model) ? InfoOf(model)->steps[index].c_str() : nullptr;
}
