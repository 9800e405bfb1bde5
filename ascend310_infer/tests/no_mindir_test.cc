// SPDX-License-Identifier: Apache-2.0
//
// A build with ADABIN_MINDIR=OFF: the same engine, linked with what it has in the reader's place.
#include <gtest/gtest.h>

#include <string>

#include "adabin.h"
#include "files/packed_file.h"
#include "mindir_builder.h"
#include "packed_bytes.h"

namespace adabin {
namespace {

adabin_code Load(const std::string& bytes, std::string* message) {
  adabin_model* model = nullptr;
  adabin_status* status = adabin_model_load_bytes(bytes.data(), bytes.size(), nullptr, &model);
  *message = adabin_status_message(status);
  const adabin_code code = adabin_status_code(status);
  EXPECT_EQ(model != nullptr, code == ADABIN_OK);
  adabin_status_release(status);
  adabin_model_release(model);
  return code;
}

TEST(NoMindIr, OnlyPackedModelsLoad) {
  std::string message;
  EXPECT_EQ(Load(files::WritePackedFile(test::PlanOfEveryKind()), &message), ADABIN_OK);
  EXPECT_EQ(Load(test::SmallNetwork(), &message), ADABIN_MODEL);
  EXPECT_NE(message.find("reads no MindIR"), std::string::npos);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace adabin
