"""Experience as a LeRobotDataset v3 (Parquet, MP4 and JSON) for Hugging Face's LeRobot.

Layout: https://huggingface.co/docs/lerobot/lerobot-dataset-v3
"""

from .writer import write_dataset

__all__ = ["write_dataset"]
