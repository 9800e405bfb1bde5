// SPDX-License-Identifier: Apache-2.0
//
// The part of MindIR, a protobuf format, that inference needs: numbers of the fields of each
// message and of the types of values, as MindSpore writes them. What is not listed is skipped.
#ifndef ADABIN_FILES_MINDIR_FIELDS_H_
#define ADABIN_FILES_MINDIR_FIELDS_H_

#include <cstdint>

namespace adabin::files {

enum class ModelField : uint32_t {
  kIrVersion = 1,      // string
  kProducerName = 2,   // string
  kGraph = 7,          // message
  kLittleEndian = 10,  // bool
  kPrimitive = 12,     // message, repeated
  kMindIrVersion = 13  // int64
};

enum class PrimitiveField : uint32_t {
  kName = 1,      // string
  kOpType = 2,    // string
  kAttribute = 3  // message, repeated
};

enum class GraphField : uint32_t {
  kNode = 1,       // message, repeated
  kParameter = 3,  // Tensor, repeated
  kInput = 5,      // ValueInfo, repeated
  kOutput = 6      // ValueInfo, repeated
};

enum class NodeField : uint32_t {
  kInput = 1,      // string, repeated
  kOutput = 2,     // string, repeated
  kName = 3,       // string
  kOpType = 4,     // string
  kAttribute = 5,  // message, repeated
  kDomain = 7      // string: where in the network's source: "Default/conv1-Conv2d/Conv2D-op0"
};

enum class ValueInfoField : uint32_t {
  kName = 1,   // string
  kTensor = 2  // message, repeated
};

enum class TensorField : uint32_t {
  kDim = 1,              // int64, repeated
  kDataType = 2,         // int32, a DataType
  kFloatData = 3,        // float, repeated
  kInt32Data = 4,        // int32, repeated
  kInt64Data = 6,        // int64, repeated
  kName = 7,             // string
  kRawData = 9,          // bytes, little-endian
  kExternalData = 12,    // message
  kCompressionType = 16  // int32
};

enum class AttributeField : uint32_t {
  kName = 1,      // string
  kFloat = 2,     // float
  kInt = 3,       // int64
  kDouble = 4,    // double
  kString = 5,    // bytes
  kTensor = 6,    // message
  kFloats = 8,    // float, repeated
  kDoubles = 9,   // double, repeated
  kInts = 10,     // int64, repeated
  kStrings = 11,  // bytes, repeated
  kTensors = 12,  // message, repeated
  kType = 16,     // int32, an AttributeType
  kValues = 17    // Attribute, repeated
};

enum class DataType : int32_t { kFloat = 1, kInt32 = 6, kInt64 = 7 };

enum class AttributeType : int32_t {
  kFloat = 1,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kDouble = 11,
  kTensor = 17,
  kTensors = 19,
  kTuple = 20,
  kList = 21,
  kUMonad = 23
};

}  // namespace adabin::files

#endif  // ADABIN_FILES_MINDIR_FIELDS_H_
