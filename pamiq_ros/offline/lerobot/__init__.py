"""Experience as a LeRobotDataset v3: Parquet, video and JSON, as Hugging Face's LeRobot reads it.

The layout: https://huggingface.co/docs/lerobot/lerobot-dataset-v3
"""

from .writer import write_dataset

__all__ = ["write_dataset"]
